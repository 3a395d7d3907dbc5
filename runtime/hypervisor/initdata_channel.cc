#include "runtime/hypervisor/initdata_channel.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/bytes.h"
#include "base/strings.h"
#include "tee/common/initdata.h"

namespace nacre::runtime {
namespace {

constexpr int kBookkeeping = 64 << 10;  // of the kernel, charged to the same buffer

// Beyond the limit of ordinary processes, where this one may.
void AskForBuffer(int socket, size_t size) {
  const int wanted = static_cast<int>(size) + kBookkeeping;
  if (setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof(wanted)) == 0) return;
  (void)setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof(wanted));
}

absl::Status Fill(int socket, ByteView image) {
  AskForBuffer(socket, image.size());
  while (!image.empty()) {
    const ssize_t sent = send(socket, image.data(), image.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) {
      return absl::ResourceExhaustedError(
          StrCat("initdata: ", image.size(),
                 " bytes do not fit into the channel; raise net.core.wmem_max or run as root"));
    }
    if (sent < 0) return ErrnoStatus(errno, "initdata channel");
    image = image.subspan(static_cast<size_t>(sent));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status FillInitdataChannel(int socket, const std::optional<std::string>& document) {
  Bytes image = tee::NoInitdataImage();
  if (document) {
    ASSIGN_OR_RETURN(image, tee::EncodeInitdataImage(*document), "initdata");
  }
  return Fill(socket, image);
}

}  // namespace nacre::runtime
