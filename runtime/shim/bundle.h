// The files of a shim in its bundle, the folder containerd makes for one container and runs the
// shim in: "address" and "shim.pid", which containerd reads back after its own restart, and
// "nacre-sandbox", which tells `delete` where the sandbox folder is without the configuration.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/status.h"

namespace nacre::runtime {

// unix://<root>/<sha256 of address/ns/id>: the name containerd's own shims use, short enough for
// any id.
std::string ShimSocketAddress(std::string_view root, std::string_view containerd_address,
                              std::string_view ns, std::string_view id);
inline constexpr std::string_view kShimSocketRoot = "/run/containerd/s";

absl::Status WriteShimFiles(const std::string& bundle, std::string_view address, pid_t pid);
// "" when there is none.
std::string ReadShimAddress(const std::string& bundle);

absl::Status WriteSandboxPath(const std::string& bundle, std::string_view sandbox_dir);
// "" when the sandbox was never made. kInvalidArgument unless the path ends in /<ns>/<id>.
absl::StatusOr<std::string> ReadSandboxPath(const std::string& bundle, std::string_view ns,
                                            std::string_view id);

}  // namespace nacre::runtime
