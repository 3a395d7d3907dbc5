// Where OpenPGP signatures are kept when the registry keeps none: web servers with one file a
// signature (containers-registries.d(5)):
//
//   <base>/<repository without its registry>@sha256=<hex>/signature-<1, 2, ...>
//
// Which base, the owner says per registry, namespace or repository. The members are those of
// registries.d, in TOML, or in JSON (which any YAML reader of a host takes as well):
//
//   [default-docker]
//   lookaside = "https://sigs.example"
//   [docker."registry.example/team"]
//   lookaside = "https://team.example/sigs"
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/status.h"
#include "image-rs-cpp/registry/reference.h"

namespace nacre::image {

class Lookaside {
 public:
  Lookaside() = default;
  // `sigstore`, the old name of `lookaside`, is taken too; members for writing are left aside.
  // kInvalidArgument for other members, and for a base that is not http or https.
  static absl::StatusOr<Lookaside> Parse(std::string_view text);

  // "https://.../team/app@sha256=<hex>/signature-", to which a number is added; "" when no base is
  // for this image.
  std::string UrlFor(const ImageReference& image, std::string_view digest) const;

 private:
  std::string fallback_;
  std::map<std::string, std::string> docker_;  // by reference, repository, namespace or registry
};

}  // namespace nacre::image
