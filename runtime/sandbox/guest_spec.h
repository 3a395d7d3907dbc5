// The OCI spec as the guest gets it. containerd writes a spec for a container on this host; what
// belongs to the host (network namespace, cgroup path, LSM labels, device rules, the rootfs path)
// is left out by name, and what cannot work in a confidential guest (bind mounts of host folders,
// hooks, host devices, user namespace maps) is refused by name. Nothing is dropped unseen: a member
// this file does not know is an error.
#pragma once

#include "api/oci.pb.h"
#include "base/json.h"
#include "base/status.h"

namespace nacre::runtime {

// Fills `out` from a whole OCI spec. `rootfs` is the path of the root filesystem in the guest.
// kInvalidArgument or kUnimplemented naming the member.
absl::Status FillGuestSpec(const Json& spec, const std::string& rootfs, grpc::Spec* out);

// Fills `out` from an OCI process: of a spec, or of an Exec request.
absl::Status FillGuestProcess(const Json& process, grpc::Process* out);

}  // namespace nacre::runtime
