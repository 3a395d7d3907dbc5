#include "guest-agent/container/stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "guest-agent/container/wait.h"

namespace nacre::guest_agent {
namespace {

absl::Status EndOfStream() { return absl::OutOfRangeError("end of stream"); }

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

absl::StatusOr<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace

absl::StatusOr<std::shared_ptr<Stream>> Stream::Create(UniqueFd fd) {
  UniqueFd closed(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!closed.valid()) return ErrnoStatus(errno, "eventfd");
  if (fd.valid()) {
    const int flags = fcntl(fd.get(), F_GETFL);
    if (flags < 0 || fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0)
      return ErrnoStatus(errno, "stream");
  }
  return std::shared_ptr<Stream>(new Stream(std::move(fd), std::move(closed)));
}

absl::StatusOr<std::string> Stream::Read(size_t max_length, const std::stop_token& stop) {
  if (!fd_.valid()) return EndOfStream();
  while (true) {
    RETURN_IF_ERROR(WaitForEvent(fd_.get(), POLLIN, closed_.get(), stop));
    // The buffer is made once it is known how much is there: many idle polls must cost nothing.
    int ready = 0;
    if (ioctl(fd_.get(), FIONREAD, &ready) != 0 || ready < 1) ready = 1;
    std::string buffer(std::min<size_t>(max_length, ready), '\0');
    const ssize_t got = read(fd_.get(), buffer.data(), buffer.size());
    if (got > 0) {
      buffer.resize(got);
      return buffer;
    }
    // EIO: the last process on the terminal's other side has gone.
    if (got == 0 || errno == EIO) return EndOfStream();
    if (errno != EAGAIN && errno != EINTR) return ErrnoStatus(errno, "reading a stream");
  }
}

absl::StatusOr<size_t> Stream::Write(std::string_view data, const std::stop_token& stop) {
  if (!fd_.valid()) return absl::FailedPreconditionError("the stream is closed");
  if (data.empty()) return 0;
  while (true) {
    RETURN_IF_ERROR(WaitForEvent(fd_.get(), POLLOUT, closed_.get(), stop));
    const ssize_t sent = write(fd_.get(), data.data(), data.size());
    if (sent >= 0) return static_cast<size_t>(sent);
    if (errno == EPIPE || errno == EIO)
      return absl::FailedPreconditionError("the process no longer reads its input");
    if (errno != EAGAIN && errno != EINTR) return ErrnoStatus(errno, "writing a stream");
  }
}

void Stream::Close() { eventfd_write(closed_.get(), 1); }

absl::StatusOr<StdioPipes> MakeStdioPipes(bool discard_output) {
  StdioPipes out;
  ASSIGN_OR_RETURN(Pipe input, MakePipe());
  ASSIGN_OR_RETURN(out.input, Stream::Create(std::move(input.write)));
  out.child_input = std::move(input.read);
  if (discard_output) {
    ASSIGN_OR_RETURN(out.output, Stream::Create(UniqueFd()));
    ASSIGN_OR_RETURN(out.error, Stream::Create(UniqueFd()));
    ASSIGN_OR_RETURN(out.child_output, OpenFile("/dev/null", O_WRONLY));
    ASSIGN_OR_RETURN(out.child_error, OpenFile("/dev/null", O_WRONLY));
    return out;
  }
  ASSIGN_OR_RETURN(Pipe output, MakePipe());
  ASSIGN_OR_RETURN(out.output, Stream::Create(std::move(output.read)));
  out.child_output = std::move(output.write);
  ASSIGN_OR_RETURN(Pipe error, MakePipe());
  ASSIGN_OR_RETURN(out.error, Stream::Create(std::move(error.read)));
  out.child_error = std::move(error.write);
  return out;
}

}  // namespace nacre::guest_agent
