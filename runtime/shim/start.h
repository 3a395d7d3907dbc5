// `start`: makes the shim that will serve one container and tells containerd where it listens.
#pragma once

#include <string>

#include "base/status.h"
#include "runtime/shim/flags.h"

namespace nacre::runtime {

// The descriptor the serving shim finds its listening socket at.
inline constexpr int kListenerFd = 3;

// Binds the socket, starts `program` again in a session of its own with the socket as descriptor 3,
// writes the bundle's files (the bundle is the working directory) and returns the address to print.
// A living shim of the same container is found and its address returned.
absl::StatusOr<std::string> StartShim(const ShimFlags& flags, const std::string& program,
                                      std::string_view socket_root);

}  // namespace nacre::runtime
