// A unix socket's path must fit sockaddr_un (107 bytes). Longer ones are reached through their
// folder: /proc/self/fd/<folder>/<name>.
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/strings.h"
#include "net/stream.h"

namespace nacre::net {
namespace {

struct UnixAddress {
  sockaddr_un raw{};
  socklen_t size = 0;
  UniqueFd folder;  // keeps the way through /proc open
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&raw); }
};

void SetName(UnixAddress& address, std::string_view name) {
  address.raw.sun_family = AF_UNIX;
  memcpy(address.raw.sun_path, name.data(), name.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
}

absl::StatusOr<UnixAddress> AddressOf(std::string_view text) {
  UnixAddress address;
  constexpr size_t kRoom = sizeof address.raw.sun_path;
  if (text.empty() || text.find('\0') != text.npos) {
    return absl::InvalidArgumentError("a unix socket address is a path or '@' and a name");
  }
  if (text.front() == '@') {
    if (text.size() > kRoom) {
      return absl::InvalidArgumentError(StrCat("abstract socket name of ", text.size() - 1,
                                               " bytes is over the ", kRoom - 1, " byte limit"));
    }
    SetName(address, text);
    address.raw.sun_path[0] = '\0';
    return address;
  }
  if (text.size() < kRoom) {
    SetName(address, text);
    return address;
  }
  const size_t slash = text.find_last_of('/');
  const std::string folder(slash == text.npos ? "." : text.substr(0, slash + 1));
  ASSIGN_OR_RETURN(address.folder, OpenFile(folder, O_PATH | O_DIRECTORY));
  const std::string name = StrCat("/proc/self/fd/", address.folder.get(), "/",
                                  text.substr(slash == text.npos ? 0 : slash + 1));
  if (name.size() >= kRoom) {
    return absl::InvalidArgumentError(StrCat("name of unix socket ", text, " is too long"));
  }
  SetName(address, name);
  return address;
}

absl::StatusOr<UniqueFd> NewSocket() {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "making a unix socket");
  return fd;
}

// OK when the path is free for bind.
absl::Status MakeWay(std::string_view address) {
  const std::string path(address);
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return absl::OkStatus();
  if (!S_ISSOCK(info.st_mode)) {
    return absl::AlreadyExistsError(StrCat(address, " exists and is no socket"));
  }
  if (ConnectUnix(address).ok()) {
    return absl::AlreadyExistsError(StrCat("somebody listens on ", address));
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return ErrnoStatus(errno, "unlink of " + path);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UniqueFd> ConnectUnix(std::string_view address) {
  ASSIGN_OR_RETURN(const UnixAddress raw, AddressOf(address));
  ASSIGN_OR_RETURN(UniqueFd fd, NewSocket());
  int result;
  do {
    result = connect(fd.get(), raw.get(), raw.size);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return ErrnoStatus(errno, StrCat("connecting to ", address));
  return fd;
}

absl::StatusOr<UniqueFd> ListenUnix(std::string_view address, const ListenUnixOptions& options) {
  ASSIGN_OR_RETURN(const UnixAddress raw, AddressOf(address));
  ASSIGN_OR_RETURN(UniqueFd fd, NewSocket());
  if (address.front() != '@') {
    if (options.replace_dead) RETURN_IF_ERROR(MakeWay(address));
    // bind(2) gives the file the mode of the socket, so it is never wider than asked.
    if (fchmod(fd.get(), options.mode) != 0) return ErrnoStatus(errno, "fchmod of a unix socket");
  }
  if (bind(fd.get(), raw.get(), raw.size) != 0) {
    const std::string what = StrCat("binding ", address);
    if (errno == EADDRINUSE) return absl::AlreadyExistsError(what + ": address in use");
    return ErrnoStatus(errno, what);
  }
  if (listen(fd.get(), options.backlog) != 0) {
    return ErrnoStatus(errno, StrCat("listening on ", address));
  }
  return fd;
}

absl::StatusOr<UniqueFd> Accept(int listener) {
  for (;;) {
    UniqueFd fd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (fd.valid()) return fd;
    if (errno != EINTR && errno != ECONNABORTED) return ErrnoStatus(errno, "accept");
  }
}

}  // namespace nacre::net
