// The line a shim writes before it hands the connection to its guest: which sandbox this is, and
// which image the host was told to run in it. Without it a guest could use the host to reach any
// registry, and to learn which images other pods of the node run.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "base/unique_fd.h"

namespace nacre::runtime {

struct Admission {
  std::string sandbox;  // for the log
  std::string image;    // the reference as the host has it
};

// {"sandbox":"...","image":"..."} and a newline. kInvalidArgument past kMaxAdmission.
absl::StatusOr<std::string> AdmissionLine(const Admission& admission);
// The line without its newline. kInvalidArgument for another form or an unknown member.
absl::StatusOr<Admission> ParseAdmission(std::string_view line);

// The shim's side: a connection on which the guest may begin. kNotFound or kUnavailable when no
// cache runs at this socket.
absl::StatusOr<UniqueFd> ConnectNodeCache(const std::string& socket, const Admission& admission);

// The cache's side: reads the line and not a byte more. kDeadlineExceeded after
// kAdmissionTimeoutMs.
absl::StatusOr<Admission> ReadAdmission(int connection);

}  // namespace nacre::runtime
