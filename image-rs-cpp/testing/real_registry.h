// Debian's docker-registry on a free loopback port, in a folder of its own.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "base/file.h"
#include "base/subprocess.h"

namespace nacre::image::testing {

struct RealRegistryOptions {
  // https with this certificate (leaf first) and key.
  std::string tls_certificate_pem = {};
  std::string tls_private_key_pem = {};
  // Who may do anything: lines of "user:bcrypt".
  std::string htpasswd = {};
  // Or: whoever has a token signed below this root, from the server at `realm`.
  std::string token_realm = {};
  std::string token_root_pem = {};
};

// For tokens, whose issuer and service these are.
inline constexpr const char* kTokenService = "test registry";
inline constexpr const char* kTokenIssuer = "test issuer";

class RealRegistry {
 public:
  // kNotFound when docker-registry is not installed.
  static absl::StatusOr<std::unique_ptr<RealRegistry>> Start(
      const RealRegistryOptions& options = {});
  ~RealRegistry();

  const std::string& host() const { return host_; }  // "127.0.0.1:41234"

 private:
  RealRegistry(TemporaryDirectory folder, Subprocess process)
      : folder_(std::move(folder)), process_(std::move(process)) {}
  TemporaryDirectory folder_;
  Subprocess process_;
  std::string host_;
  std::jthread drain_;  // its log; ends when the registry does
};

}  // namespace nacre::image::testing
