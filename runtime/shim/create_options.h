// The runtime's configuration for one Create: what the client of containerd named in the request's
// options (runtimeoptions.v1.Options, as `nacre run --config`, `ctr --runtime-config-path` and the
// CRI plugin's ConfigPath send it), else the default file.
#pragma once

#include "api/containerd/shim.pb.h"
#include "base/status.h"
#include "runtime/config/runtime_config.h"

namespace nacre::runtime {

// kInvalidArgument for options of another kind; the errors of LoadRuntimeConfig.
absl::StatusOr<RuntimeConfig> ConfigForCreate(
    const containerd::task::v2::CreateTaskRequest& request, const std::string& default_config);

}  // namespace nacre::runtime
