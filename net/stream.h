// Byte streams between processes and between host and guest: unix sockets, vsock, vsock through a
// unix socket ("hybrid", as Firecracker and Cloud Hypervisor offer it), virtio-serial ports. Each
// gives a close-on-exec, blocking descriptor for read(2), write(2) and poll(2).
//
// How each tells that its peer went:
//   sockets          read gives end of file (or ECONNRESET when the peer left data unread), write
//                    gives EPIPE: use MSG_NOSIGNAL. Once gone, gone: connect again.
//   virtio-serial    seen from the guest: while no process is connected to the port on the host,
//   read
//                    gives end of file at once, poll reports POLLHUP at once, a write blocks. The
//                    same descriptor works again when the host connects: AwaitVirtioPeer(). Nothing
//                    separates the bytes of two connections, so a host that leaves inside a message
//                    and comes back at once looks like one that sent nonsense.
//   virtio-serial    seen from the host: a unix socket that QEMU owns. It stays open, and holds
//   what
//                    is written to it, while no guest process has the port open; it ends with QEMU.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/unique_fd.h"

namespace nacre::net {

// A unix socket's address: a path of any length, or "@name" for the abstract namespace.
// kNotFound: no such socket; kUnavailable: nobody listens there.
absl::StatusOr<UniqueFd> ConnectUnix(std::string_view address);

struct ListenUnixOptions {
  mode_t mode = 0600;  // of the socket file from its first moment; the umask applies
  int backlog = 64;
  // Remove a socket file at the path that nobody listens to. A living listener, or a file that is
  // no socket, is kAlreadyExists either way.
  bool replace_dead = false;
};
// The file stays when the descriptor is closed: unlinking it is the caller's.
absl::StatusOr<UniqueFd> ListenUnix(std::string_view address,
                                    const ListenUnixOptions& options = {});

// The next connection of any listener made here; blocks.
absl::StatusOr<UniqueFd> Accept(int listener);

// Context ids: 2 is the host; kAnyCid listens on all. kUnavailable: nobody listens (yet), or no
// such guest; some kernels say neither, and it is kDeadlineExceeded. kUnimplemented: this kernel
// has no vsock.
inline constexpr uint32_t kHostCid = 2;
inline constexpr uint32_t kAnyCid = 0xffffffff;
absl::StatusOr<UniqueFd> ConnectVsock(uint32_t cid, uint32_t port, int timeout_ms);
absl::StatusOr<UniqueFd> ListenVsock(uint32_t cid, uint32_t port, int backlog = 64);

// Connects to a guest's vsock port through the VMM's unix socket: "CONNECT <port>\n" out,
// "OK <number>\n" back. kUnavailable: the VMM hung up, which is how it says that no guest process
// listens; kDeadlineExceeded; kDataLoss: an answer of another form.
absl::StatusOr<UniqueFd> ConnectHybridVsock(std::string_view address, uint32_t port,
                                            int timeout_ms);

// Where ports are looked for. Other values are for tests.
struct VirtioPortPaths {
  std::string links = "/dev/virtio-ports";          // made by udev, where there is one
  std::string classes = "/sys/class/virtio-ports";  // <device>/name, always there
  std::string devices = "/dev";
};
// In the guest: opens the virtio-serial port of this name ("org.nacre.agent.0"). kNotFound: no such
// port (yet); kUnavailable: another process has it open.
absl::StatusOr<UniqueFd> OpenVirtioPort(std::string_view name, const VirtioPortPaths& paths = {});

// In the guest: returns when the host end of the port is connected. kDeadlineExceeded; a negative
// timeout waits for ever. `wake_fd` (-1 = none): kCancelled as soon as it is readable.
absl::Status AwaitVirtioPeer(int port, int timeout_ms, int wake_fd = -1);

}  // namespace nacre::net
