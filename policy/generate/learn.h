// What a generated policy would have refused of the requests of a debug run, and which settings
// would let it pass. Only what cluster and runtime add is proposed: variables, mounts, annotations,
// sysctls, commands, kinds of requests. That a container has another image, user or command is
// never proposed; it is said, with the policy's own explanation.
//
// The log: JSON lines with "kind" (name of the request's message) and "request" (its JSON, or that
// as text), such as a guest writes whose measured command line has nacre.policy_debug=1. Other
// lines are passed over.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace nacre::policy {

struct Learned {
  size_t allowed = 0;
  size_t refused = 0;
  std::string toml;  // further settings, each with one line of reason; comments for the rest
};

// kInvalidArgument when the policy is none of ours, or the log holds no request.
absl::StatusOr<Learned> LearnSettings(std::string_view policy, std::string_view log);

}  // namespace nacre::policy
