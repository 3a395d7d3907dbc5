#include "runtime/shim/stdio_files.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::runtime {
namespace {

struct StreamAddress {
  bool file = false;
  std::string path;
};

absl::StatusOr<StreamAddress> ParseAddress(const std::string& text) {
  const size_t scheme = text.find("://");
  if (scheme == std::string::npos) return StreamAddress{false, text};
  const std::string_view name = std::string_view(text).substr(0, scheme);
  if (name != "fifo" && name != "file") {
    return absl::UnimplementedError(
        StrCat("stream ", text, ": only fifo and file are served, not ", name));
  }
  return StreamAddress{name == "file", text.substr(scheme + 3)};
}

absl::StatusOr<UniqueFd> OpenFifo(const std::string& path, int flags) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, flags | O_NONBLOCK | O_NOFOLLOW));
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, path);
  if (!S_ISFIFO(info.st_mode)) {
    return absl::InvalidArgumentError(StrCat("stream ", path, " is not a FIFO"));
  }
  return fd;
}

// Waits for `events` on `fd`. kCancelled when `stop_fd` is readable first.
absl::StatusOr<short> WaitFor(int fd, short events, int stop_fd) {
  pollfd fds[2] = {{fd, events, 0}, {stop_fd, POLLIN, 0}};
  while (::poll(fds, 2, -1) < 0) {
    if (errno != EINTR) return ErrnoStatus(errno, "waiting for a stream");
  }
  if (fds[1].revents != 0) return absl::CancelledError("the stream was closed");
  return fds[0].revents;
}

}  // namespace

absl::StatusOr<UniqueFd> OpenOutputStream(const std::string& path) {
  if (path.empty()) return UniqueFd();
  ASSIGN_OR_RETURN(StreamAddress address, ParseAddress(path));
  if (address.file) return OpenFile(address.path, O_WRONLY | O_CREAT | O_APPEND, 0640);
  return OpenFifo(address.path, O_RDWR);
}

absl::StatusOr<UniqueFd> OpenInputStream(const std::string& path) {
  if (path.empty()) return UniqueFd();
  ASSIGN_OR_RETURN(StreamAddress address, ParseAddress(path));
  if (address.file) return absl::UnimplementedError(StrCat("stdin from a file: ", path));
  return OpenFifo(address.path, O_RDONLY);
}

absl::Status WriteStream(int fd, std::string_view data, int stop_fd) {
  while (!data.empty()) {
    const ssize_t size = ::write(fd, data.data(), data.size());
    if (size >= 0) {
      data.remove_prefix(static_cast<size_t>(size));
    } else if (errno == EAGAIN) {
      RETURN_IF_ERROR(WaitFor(fd, POLLOUT, stop_fd).status());
    } else if (errno != EINTR) {
      return ErrnoStatus(errno, "writing to a stream");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadStream(int fd, size_t max_size, int stop_fd) {
  std::string data(max_size, '\0');
  while (true) {
    ASSIGN_OR_RETURN(short ready, WaitFor(fd, POLLIN, stop_fd));
    const ssize_t size = ::read(fd, data.data(), data.size());
    if (size > 0) {
      data.resize(static_cast<size_t>(size));
      return data;
    }
    if (size == 0 && (ready & POLLHUP) != 0) return std::string();
    if (size < 0 && errno != EAGAIN && errno != EINTR) {
      return ErrnoStatus(errno, "reading a stream");
    }
  }
}

std::string ReadAvailable(int fd, size_t chunk) {
  constexpr size_t kMaxFifo = 1 << 20;  // the most an unprivileged process may make a pipe hold
  std::string all;
  while (all.size() < kMaxFifo) {
    const size_t before = all.size();
    all.resize(before + chunk);
    const ssize_t size = ::read(fd, all.data() + before, chunk);
    all.resize(before + static_cast<size_t>(size > 0 ? size : 0));
    if (size <= 0) break;
  }
  return all;
}

}  // namespace nacre::runtime
