// One process out of two descriptions: what the host asked for and what the image (or, for exec,
// the container) says. Pure: tables in, a process out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/oci.pb.h"
#include "base/status.h"
#include "guest-agent/container/accounts.h"

namespace nacre::guest_agent {

// The part of an OCI image config that describes the process.
struct ImageDefaults {
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::vector<std::string> environment;  // "NAME=value"
  std::string working_directory;
  std::string user;  // as ResolveUser reads it
};

// The first process of a container:
//   args  the request's; if it has none, entrypoint then command of the image
//   env   the image's, then the request's, the later value of a name winning; PATH is never absent
//   cwd   the request's, unless it is empty or "/"; then the image's; then "/"
//   user  the request's name or ids; root without a name (what a host that has never seen the image
//         sends) means the image's user
// kInvalidArgument: no args from either, an env entry without '=' or with an empty name, a NUL
// byte, a cwd that is not absolute. ResolveUser's errors.
absl::StatusOr<grpc::Process> MergeContainerProcess(const grpc::Process& request,
                                                    const ImageDefaults& image,
                                                    const AccountFiles& accounts);

// A further process in a running container: what the request leaves out (env, cwd, user,
// capabilities, limits) is as for the container's first process; no_new_privileges never relaxes.
absl::StatusOr<grpc::Process> MergeExecProcess(const grpc::Process& request,
                                               const grpc::Process& container,
                                               const AccountFiles& accounts);

}  // namespace nacre::guest_agent
