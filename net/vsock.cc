#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>

#include "base/strings.h"
#include "net/stream.h"

namespace nacre::net {
namespace {

using std::chrono::steady_clock;

constexpr size_t kLongestHandshakeLine = 32;  // "OK 4294967295\n" has 14

absl::StatusOr<UniqueFd> NewVsock(int flags) {
  UniqueFd fd(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (fd.valid()) return fd;
  if (errno == EAFNOSUPPORT) return absl::UnimplementedError("this kernel has no vsock");
  return ErrnoStatus(errno, "making a vsock socket");
}

sockaddr_vm VsockAddress(uint32_t cid, uint32_t port) {
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = cid;
  address.svm_port = port;
  return address;
}

// Until `fd` has one of `events`; kDeadlineExceeded.
absl::Status Await(int fd, short events, steady_clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    pollfd polled{fd, events, 0};
    const int count =
        poll(&polled, 1, static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1 << 30)));
    if (count > 0) return absl::OkStatus();
    if (count == 0) return absl::DeadlineExceededError("no answer in time");
    if (errno != EINTR) return ErrnoStatus(errno, "poll");
  }
}

// A guest or a listener that is not there (yet) is one meaning, whatever errno says it with.
absl::Status ConnectError(int error, uint32_t cid, uint32_t port) {
  const std::string what = StrCat("connecting to vsock ", cid, ":", port);
  if (error == ENODEV || error == EHOSTUNREACH || error == ENETUNREACH) {
    return absl::UnavailableError(what + ": no such machine");
  }
  return ErrnoStatus(error, what);
}

// "OK <number>"
bool IsAcceptance(std::string_view line) {
  uint64_t number;
  return line.substr(0, 3) == "OK " && ParseNumber(line.substr(3), &number);
}

// Byte by byte: what comes after the line belongs to the caller's protocol.
absl::StatusOr<std::string> ReadLine(int fd, steady_clock::time_point deadline) {
  std::string line;
  while (line.size() < kLongestHandshakeLine) {
    RETURN_IF_ERROR(Await(fd, POLLIN, deadline));
    char c;
    const ssize_t got = recv(fd, &c, 1, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0 || (got < 0 && errno == ECONNRESET)) {
      return absl::UnavailableError("the VMM hung up: nothing listens on that port in the guest");
    }
    if (got < 0) return ErrnoStatus(errno, "reading the VMM's answer");
    if (c == '\n') return line;
    line.push_back(c);
  }
  return absl::DataLossError("the VMM's answer is not a line");
}

}  // namespace

absl::StatusOr<UniqueFd> ConnectVsock(uint32_t cid, uint32_t port, int timeout_ms) {
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  ASSIGN_OR_RETURN(UniqueFd fd, NewVsock(SOCK_NONBLOCK));
  const sockaddr_vm address = VsockAddress(cid, port);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EINPROGRESS) return ConnectError(errno, cid, port);
    RETURN_IF_ERROR(Await(fd.get(), POLLOUT, deadline),
                    StrCat("connecting to vsock ", cid, ":", port));
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return ConnectError(error, cid, port);
  }
  const int flags = fcntl(fd.get(), F_GETFL);
  if (flags < 0 || fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) {
    return ErrnoStatus(errno, "fcntl of a vsock socket");
  }
  return fd;
}

absl::StatusOr<UniqueFd> ListenVsock(uint32_t cid, uint32_t port, int backlog) {
  ASSIGN_OR_RETURN(UniqueFd fd, NewVsock(0));
  const sockaddr_vm address = VsockAddress(cid, port);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EADDRINUSE) {
      return absl::AlreadyExistsError(StrCat("vsock port ", port, " is in use"));
    }
    return ErrnoStatus(errno, StrCat("binding vsock port ", port));
  }
  if (listen(fd.get(), backlog) != 0) {
    return ErrnoStatus(errno, StrCat("listening on vsock port ", port));
  }
  return fd;
}

absl::StatusOr<UniqueFd> ConnectHybridVsock(std::string_view address, uint32_t port,
                                            int timeout_ms) {
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  const std::string what = StrCat("connecting to vsock port ", port, " through ", address);
  ASSIGN_OR_RETURN(UniqueFd fd, ConnectUnix(address), what);
  const std::string request = StrCat("CONNECT ", port, "\n");
  // A fresh socket's buffer takes these few bytes whole.
  const ssize_t sent = send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
  if (sent < 0) return ErrnoStatus(errno, what);
  ASSIGN_OR_RETURN(const std::string line, ReadLine(fd.get(), deadline), what);
  if (!IsAcceptance(line)) {
    return absl::DataLossError(what + ": the VMM's answer is not \"OK <number>\"");
  }
  return fd;
}

}  // namespace nacre::net
