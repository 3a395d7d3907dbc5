// The ends of a container's streams on the host: FIFOs that a client of containerd made and reads,
// or a log file ("file:///path").
#pragma once

#include <string>

#include "base/status.h"
#include "base/unique_fd.h"

namespace nacre::runtime {

struct StdioPaths {
  std::string in, out, err;  // "" = none
  bool terminal = false;     // then `err` is not used
};

// What a Create or Exec request says of streams.
template <typename Request>
StdioPaths StdioPathsOf(const Request& request) {
  return {request.stdin(), request.stdout(), request.stderr(), request.terminal()};
}

// Opens without ever blocking. The descriptor keeps a reader of its own, so a client that goes away
// and comes back finds the stream whole instead of breaking it. Invalid (not an error) for "".
// kUnimplemented for schemes other than fifo and file.
absl::StatusOr<UniqueFd> OpenOutputStream(const std::string& path);
// The reading end; poll(2) reports POLLHUP only after a writer came and went.
absl::StatusOr<UniqueFd> OpenInputStream(const std::string& path);

// All of `data`, waiting for room, until `stop_fd` is readable (kCancelled).
absl::Status WriteStream(int fd, std::string_view data, int stop_fd);
// The next bytes; "" at the end of the stream; kCancelled.
absl::StatusOr<std::string> ReadStream(int fd, size_t max_size, int stop_fd);
// What is there now, without waiting: up to a FIFO's whole capacity in chunks of `chunk`.
std::string ReadAvailable(int fd, size_t chunk);

}  // namespace nacre::runtime
