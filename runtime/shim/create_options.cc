#include "runtime/shim/create_options.h"

#include "api/containerd.h"
#include "api/runtimeoptions.pb.h"
#include "base/strings.h"

namespace nacre::runtime {

absl::StatusOr<RuntimeConfig> ConfigForCreate(
    const containerd::task::v2::CreateTaskRequest& request, const std::string& default_config) {
  const google::protobuf::Any& any = request.options();
  if (any.type_url().empty()) return LoadRuntimeConfig(default_config);
  // containerd before 1.5 put the same message into another package.
  if (!api::HoldsMessage(any, "runtimeoptions.v1.Options") &&
      !api::HoldsMessage(any, "cri.runtimeoptions.v1.Options")) {
    return absl::InvalidArgumentError(
        StrCat("runtime options of type '", any.type_url(),
               "': expected runtimeoptions.v1.Options with the path of a configuration file"));
  }
  runtimeoptions::v1::Options options;
  if (!options.ParseFromString(any.value())) {
    return absl::InvalidArgumentError("runtime options are damaged");
  }
  if (!options.config_path().empty()) return LoadRuntimeConfig(options.config_path());
  if (!options.config_body().empty()) {
    return ParseRuntimeConfig(options.config_body(), "runtime options");
  }
  return LoadRuntimeConfig(default_config);
}

}  // namespace nacre::runtime
