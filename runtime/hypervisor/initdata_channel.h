// The guest's initdata port, host side.
#pragma once

#include <optional>
#include <string>

#include "base/status.h"

namespace nacre::runtime {

// Puts into `socket`, one end of a socket pair, all that the guest will ever read at the other, so
// that nobody has to write while it starts; without a document that is NoInitdataImage(). The
// socket has to stay open until the VM has ended: a port whose host hangs up early looks like one
// that never had a host. kResourceExhausted: the kernel gives this process no socket buffer of that
// size.
absl::Status FillInitdataChannel(int socket, const std::optional<std::string>& document);

}  // namespace nacre::runtime
