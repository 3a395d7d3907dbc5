// The guest's initdata port, host side.
#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "base/unique_fd.h"

namespace nacre::runtime {

struct InitdataChannel {
  UniqueFd host;  // held until the VM has ended
  UniqueFd child;
};

// All the guest will ever read is in the socket when this returns, so that nobody has to write
// while the guest starts; without a document that is NoInitdataImage(). The socket stays open
// behind it: a port whose host hangs up early looks like one that never had a host.
// kResourceExhausted: the kernel gives this process no socket buffer of that size.
absl::StatusOr<InitdataChannel> MakeInitdataChannel(const std::optional<std::string>& document);

}  // namespace nacre::runtime
