// The OCI runtime specification (1.0.2) that crun reads, written from the request's protobuf form.
// The host describes the container; where it lives in the guest (root, cgroup, namespaces by path)
// and what crun may be told beside the spec (annotations, hooks) is not the host's to say.
#pragma once

#include <string>

#include "api/oci.pb.h"
#include "base/status.h"

namespace nacre::guest_agent {

struct RuntimeSpecInputs {
  std::string rootfs;       // absolute path of the mounted root
  std::string cgroup_path;  // below the cgroup2 mount, "/nacre/<id>"
  std::string resolv_conf;  // bound on /etc/resolv.conf; empty = leave the image's
  grpc::Process process;    // merged; replaces the request's
};

// Refuses what the guest cannot honour, before anything is pulled or mounted. kInvalidArgument or
// kUnimplemented naming the field: hooks; a mount type other than proc, sysfs, tmpfs, devpts,
// mqueue, cgroup; a namespace joined by path (the network namespace is the pod's and always shared)
// or a user namespace; device nodes other than the null, zero, full, random, urandom and tty
// devices; id mappings.
absl::Status CheckSpec(const grpc::Spec& spec);

// config.json. Call CheckSpec first. kInvalidArgument when a string is not UTF-8.
absl::StatusOr<std::string> RuntimeSpecJson(const grpc::Spec& spec,
                                            const RuntimeSpecInputs& inputs);
// The document of `crun exec --process`.
absl::StatusOr<std::string> RuntimeProcessJson(const grpc::Process& process);

}  // namespace nacre::guest_agent
