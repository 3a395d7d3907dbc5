// The agent's end of a container's standard streams. The kernel's pipe is the buffer: it is
// bounded, and a container that writes faster than the host reads waits, as it would on any pipe.
// Reads are long polls.
#pragma once

#include <sys/types.h>

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/unique_fd.h"

namespace nacre::guest_agent {

// Both directions over non-blocking descriptors; a pty master serves as both. Thread-safe.
class Stream {
 public:
  // Takes over `fd` and makes it non-blocking. An invalid one is a stream at its end.
  static absl::StatusOr<std::shared_ptr<Stream>> Create(UniqueFd fd);

  // At least one byte, at most `max_length`; blocks until there is one. kOutOfRange "end of stream"
  // when every writer has gone, kCancelled after Close() or when `stop` is requested.
  absl::StatusOr<std::string> Read(size_t max_length, const std::stop_token& stop = {});

  // Some of `data`, at least one byte; blocks while the reader is behind. The number of bytes
  // taken. kFailedPrecondition when nobody can read any more, kCancelled as Read().
  absl::StatusOr<size_t> Write(std::string_view data, const std::stop_token& stop = {});

  // Ends Read and Write, now and later. The descriptor itself goes with the last user.
  void Close();
  // For terminal ioctls; -1 when there is none.
  int fd() const { return fd_.get(); }

 private:
  Stream(UniqueFd fd, UniqueFd closed) : fd_(std::move(fd)), closed_(std::move(closed)) {}
  UniqueFd fd_;
  UniqueFd closed_;  // eventfd: readable from Close() on
};

// One process's streams: `here` stays with the agent, `there` becomes the process's.
struct StdioPipes {
  std::shared_ptr<Stream> input;
  std::shared_ptr<Stream> output;
  std::shared_ptr<Stream> error;
  UniqueFd child_input;
  UniqueFd child_output;
  UniqueFd child_error;
};

// Three pipes. With `discard_output` the process writes to /dev/null and the two read streams are
// at their end: what the policy does not let out is not even kept.
absl::StatusOr<StdioPipes> MakeStdioPipes(bool discard_output);

}  // namespace nacre::guest_agent
