// What a pod may ask of its VM through annotations. The io.katacontainers.* names are an allow
// list: an unknown one, or one the administrator has not enabled, is refused rather than ignored,
// because a setting that silently does nothing is how measured and running guests come apart.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace nacre::runtime {

using Annotations = std::map<std::string, std::string, std::less<>>;

struct PodSettings {
  std::optional<std::string> initdata;  // the decoded TOML document, exact bytes
  std::string kernel_params;            // extra kernel arguments, may be empty
  std::string image_reference;          // required
};

// Reads `annotations` of an OCI spec. `enabled` is [runtime] enable_annotations.
//   kPermissionDenied   an annotation that is known but not enabled
//   kInvalidArgument    an unknown io.katacontainers.* name (with its nearest known neighbour),
//                       damaged initdata, no image reference
//   kUnimplemented      a pod of several containers (io.kubernetes.cri.container-type)
absl::StatusOr<PodSettings> ReadAnnotations(const Annotations& annotations,
                                            const std::vector<std::string>& enabled);

}  // namespace nacre::runtime
