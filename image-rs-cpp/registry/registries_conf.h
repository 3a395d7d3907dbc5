// Where to look for images: containers-registries.conf(5), version 2, as much of it as moves
// requests from one place to another.
//
//   unqualified-search-registries = ["docker.io"]
//   [[registry]]
//   prefix = "quay.io/team"          # or "*.example.com"; the location when missing
//   location = "mirror.local:5000/team"
//   insecure = false                 # true: plain http
//   blocked = false
//   [[registry.mirror]]              # asked before the location, in order
//   location = "cache.local:5000/quay-team"
//   insecure = true
//
// Who may run which image is not decided here: the image policy is asked for the name before it is
// rewritten.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "image-rs-cpp/registry/reference.h"

namespace nacre::image {

// One place that may have a repository.
struct Endpoint {
  std::string registry;    // "host" or "host:port"; docker.io as "registry-1.docker.io"
  std::string repository;  // there
  bool insecure = false;   // plain http
};

class RegistriesConf {
 public:
  RegistriesConf() = default;
  // kInvalidArgument for text that is not as above; an unknown key is refused with its nearest
  // known one.
  static absl::StatusOr<RegistriesConf> Parse(std::string_view toml);

  // The full names a written one can mean: itself when it names a registry, else one for each
  // search registry (docker.io when none is configured).
  absl::StatusOr<std::vector<ImageReference>> Resolve(std::string_view written) const;
  // Where to ask, in order. kPermissionDenied when the owner blocked the registry.
  absl::StatusOr<std::vector<Endpoint>> Endpoints(const ImageReference& image) const;
  // Hosts ("host:port" or "host") the owner marked insecure.
  const std::vector<std::string>& insecure_hosts() const { return insecure_hosts_; }

 private:
  struct Location {
    std::string place;  // "host[:port][/namespace...]"; empty: the prefix itself
    bool insecure = false;
  };
  struct Registry {
    std::string prefix;
    Location location;
    bool blocked = false;
    std::vector<Location> mirrors;
  };
  friend class RegistriesReader;
  const Registry* Find(const ImageReference& image) const;
  absl::StatusOr<Endpoint> Rewrite(const ImageReference& image, const Registry& registry,
                                   const Location& location) const;

  std::vector<std::string> search_;
  std::vector<Registry> registries_;
  std::vector<std::string> insecure_hosts_;
};

}  // namespace nacre::image
