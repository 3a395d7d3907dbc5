#include "tee/emulator/server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"

namespace nacre::tee::emulator {
namespace {

constexpr size_t kMaxRequest = 4096;

// Waits until `fd` has one of `events` (true) or a stop descriptor is readable (false).
absl::StatusOr<bool> WaitFor(int fd, short events, const std::vector<int>& stop_fds) {
  std::vector<pollfd> waited{{.fd = fd, .events = events, .revents = 0}};
  for (int stop : stop_fds) waited.push_back({.fd = stop, .events = POLLIN, .revents = 0});
  while (true) {
    const int ready = poll(waited.data(), waited.size(), -1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return ErrnoStatus(errno, "poll");
    const bool stopped = std::any_of(waited.begin() + 1, waited.end(),
                                     [](const pollfd& entry) { return entry.revents != 0; });
    return !stopped;
  }
}

bool Transient(int error) { return error == EAGAIN || error == EINTR; }
bool PeerGone(int error) { return error == EPIPE || error == ECONNRESET; }

// False when the peer or this process's reason to run has gone.
absl::StatusOr<bool> WriteFrame(int fd, const Frame& frame, const std::vector<int>& stop_fds) {
  const Bytes encoded = EncodeFrame(frame);
  ByteView left(encoded);
  while (!left.empty()) {
    ASSIGN_OR_RETURN(const bool running, WaitFor(fd, POLLOUT, stop_fds));
    if (!running) return false;
    const ssize_t size = send(fd, left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size >= 0) left = left.subspan(static_cast<size_t>(size));
    if (size < 0 && PeerGone(errno)) return false;
    if (size < 0 && !Transient(errno)) return ErrnoStatus(errno, "writing to the guest's port");
  }
  return true;
}

}  // namespace

absl::StatusOr<UniqueFd> ListenUnix(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(StrCat("socket path is empty or too long: '", path, "'"));
  }
  std::copy(path.begin(), path.end(), address.sun_path);
  struct stat info;
  if (lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) {
      return absl::AlreadyExistsError(StrCat(path, " exists and is no socket"));
    }
    if (unlink(path.c_str()) != 0) return ErrnoStatus(errno, StrCat("removing ", path));
  }
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "socket");
  const mode_t old_mask = umask(0177);
  const int bound = bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  const int error = errno;
  umask(old_mask);
  if (bound != 0) return ErrnoStatus(error, StrCat("binding ", path));
  if (listen(fd.get(), 1) != 0) return ErrnoStatus(errno, StrCat("listening on ", path));
  return fd;
}

absl::StatusOr<UniqueFd> AcceptOne(int listener, const std::vector<int>& stop_fds) {
  while (true) {
    ASSIGN_OR_RETURN(const bool running, WaitFor(listener, POLLIN, stop_fds));
    if (!running) return absl::CancelledError("nobody connected");
    UniqueFd fd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (fd.valid()) return fd;
    if (!Transient(errno) && errno != ECONNABORTED) return ErrnoStatus(errno, "accept");
  }
}

absl::Status ServeStream(int fd, const std::vector<int>& stop_fds,
                         const std::function<Frame(const Frame&)>& answer) {
  FrameScanner scanner(kMaxRequest);
  uint8_t buffer[kMaxRequest];
  while (true) {
    while (auto request = scanner.Next({FrameType::kQuoteRequest})) {
      ASSIGN_OR_RETURN(const bool running, WriteFrame(fd, answer(*request), stop_fds));
      if (!running) return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const bool running, WaitFor(fd, POLLIN, stop_fds));
    if (!running) return absl::OkStatus();
    const ssize_t size = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (size == 0 || (size < 0 && PeerGone(errno))) return absl::OkStatus();
    if (size < 0 && !Transient(errno)) return ErrnoStatus(errno, "reading from the guest's port");
    if (size > 0) scanner.Append(ByteView(buffer).first(static_cast<size_t>(size)));
  }
}

// A parent-death signal would follow the thread that started us, which may end long before its
// process does; a pidfd follows the process.
absl::StatusOr<std::vector<UniqueFd>> LifelineFds() {
  std::vector<UniqueFd> out;
  const pid_t parent = getppid();
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, parent, 0)));
  if (!pidfd.valid() || getppid() != parent) {
    return absl::CancelledError("the parent process has gone");
  }
  out.push_back(std::move(pidfd));
  struct stat info;
  if (fstat(STDIN_FILENO, &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode))) {
    UniqueFd copy(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!copy.valid()) return ErrnoStatus(errno, "stdin");
    out.push_back(std::move(copy));
  }
  return out;
}

}  // namespace nacre::tee::emulator
