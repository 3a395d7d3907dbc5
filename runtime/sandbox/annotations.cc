#include "runtime/sandbox/annotations.h"

#include <algorithm>

#include "base/strings.h"
#include "base/toml.h"
#include "tee/common/initdata.h"

namespace nacre::runtime {
namespace {

constexpr std::string_view kOurs = "io.katacontainers.";
constexpr std::string_view kHypervisorPrefix = "io.katacontainers.config.hypervisor.";
constexpr std::string_view kImageName = "io.kubernetes.cri.image-name";
constexpr std::string_view kContainerType = "io.kubernetes.cri.container-type";
constexpr size_t kMaxImageReference = 4096;

absl::Status RefuseUnknown(std::string_view name) {
  const std::string nearest = NearestName(name, {StrCat(kHypervisorPrefix, "cc_init_data"),
                                                 StrCat(kHypervisorPrefix, "kernel_params")});
  return absl::InvalidArgumentError(
      StrCat("annotation ", name, " is not one Nacre knows",
             nearest.empty() ? "" : StrCat("; did you mean ", nearest, "?")));
}

absl::Status ReadHypervisorSetting(std::string_view name, const std::string& value,
                                   const std::vector<std::string>& enabled, PodSettings* out) {
  const std::string_view key = name.substr(kHypervisorPrefix.size());
  if (key != "cc_init_data" && key != "kernel_params") return RefuseUnknown(name);
  if (std::find(enabled.begin(), enabled.end(), key) == enabled.end()) {
    return absl::PermissionDeniedError(StrCat(
        "annotation ", name, " is not enabled: [runtime] enable_annotations lacks '", key, "'"));
  }
  if (key == "kernel_params") {
    out->kernel_params = value;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(out->initdata, tee::DecodeInitdataAnnotation(value),
                   StrCat("annotation ", name));
  return absl::OkStatus();
}

absl::Status CheckImageReference(const std::string& reference) {
  if (reference.empty()) {
    return absl::InvalidArgumentError(
        StrCat("annotation ", kImageName,
               " is missing: the guest pulls the image itself and needs its reference"));
  }
  const bool printable = std::all_of(reference.begin(), reference.end(),
                                     [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  if (reference.size() > kMaxImageReference || !printable) {
    return absl::InvalidArgumentError(
        StrCat("annotation ", kImageName, " is not an image reference"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PodSettings> ReadAnnotations(const Annotations& annotations,
                                            const std::vector<std::string>& enabled) {
  PodSettings settings;
  for (const auto& [name, value] : annotations) {
    if (name.starts_with(kHypervisorPrefix)) {
      RETURN_IF_ERROR(ReadHypervisorSetting(name, value, enabled, &settings));
    } else if (name.starts_with(kOurs)) {
      return RefuseUnknown(name);
    } else if (name == kImageName) {
      settings.image_reference = value;
    } else if (name == kContainerType) {
      return absl::UnimplementedError(StrCat("annotation ", name, " = '", value,
                                             "': pods of several containers are not served yet"));
    }
  }
  RETURN_IF_ERROR(CheckImageReference(settings.image_reference));
  return settings;
}

}  // namespace nacre::runtime
