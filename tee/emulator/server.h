// One guest's connection to the emulator: frames in, frames out, until either side or the parent
// process goes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"
#include "tee/emulator/protocol.h"

namespace nacre::tee::emulator {

// A listening unix socket, mode 0600. A socket that is already at `path` is replaced; anything else
// there is kAlreadyExists.
absl::StatusOr<UniqueFd> ListenUnix(const std::string& path);

// The first connection, or kCancelled when one of `stop_fds` becomes readable first (an end of file
// counts).
absl::StatusOr<UniqueFd> AcceptOne(int listener, const std::vector<int>& stop_fds);

// Answers each request in turn and reads no further one before its answer is written. OK when the
// peer closes or one of `stop_fds` becomes readable.
absl::Status ServeStream(int fd, const std::vector<int>& stop_fds,
                         const std::function<Frame(const Frame&)>& answer);

// Descriptors that become readable when this process should end: the parent process has gone;
// stdin, where it is a pipe or socket, has been closed.
absl::StatusOr<std::vector<UniqueFd>> LifelineFds();

}  // namespace nacre::tee::emulator
