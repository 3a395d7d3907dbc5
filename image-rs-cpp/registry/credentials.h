// User names and passwords for registries, in the form of Docker's and containers' auth files
// (containers-auth.json(5)): {"auths": {"registry[/namespace...]": {"auth": base64 of
// "user:password"}}}. The longest name that covers a repository is used; docker.io is known by its
// old addresses too.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret_bytes.h"
#include "base/status.h"
#include "image-rs-cpp/registry/reference.h"

namespace nacre::image {

class Credentials {
 public:
  Credentials() = default;
  // kInvalidArgument for anything else than the form above: helpers and identity tokens need
  // programs and flows a guest does not have, and a password that is ignored is hard to find. The
  // message never holds a secret.
  static absl::StatusOr<Credentials> Parse(const SecretBytes& json);

  // The value of a Basic Authorization header (without "Basic "), or nothing.
  std::optional<std::string> Find(std::string_view registry, std::string_view repository) const;
  bool empty() const { return auths_.empty(); }

 private:
  std::map<std::string, std::string> auths_;  // by name without scheme; base64
};

}  // namespace nacre::image
