#include "guest-agent/service/initdata_port.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <span>

#include "api/agent_address.h"
#include "base/bytes.h"
#include "base/strings.h"
#include "guest-agent/service/await_device.h"
#include "tee/common/initdata.h"

namespace nacre::guest_agent {
namespace {

constexpr size_t kHeader = 16;

// As many bytes as `out` has, or fewer where the host ended.
absl::StatusOr<size_t> ReadUpTo(int port, std::span<uint8_t> out, int timeout_ms) {
  size_t done = 0;
  while (done < out.size()) {
    pollfd polled{port, POLLIN, 0};
    const int count = poll(&polled, 1, timeout_ms);
    if (count == 0) return absl::DeadlineExceededError("initdata: the host gives no more of it");
    const ssize_t got = count < 0 ? -1 : read(port, out.data() + done, out.size() - done);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return ErrnoStatus(errno, "initdata port");
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

// Header first, then only as many bytes as it announces, within the cap.
absl::StatusOr<Bytes> ReadImage(int port, int timeout_ms) {
  Bytes image(kHeader);
  ASSIGN_OR_RETURN(const size_t header_size, ReadUpTo(port, image, timeout_ms));
  image.resize(header_size);
  if (header_size < kHeader) return image;  // the decoder says what is wrong with it
  ByteReader header(ByteView(image).subspan(8));
  ASSIGN_OR_RETURN(const uint64_t size, header.U64Le("initdata: size"));
  if (size > tee::kMaxInitdataCompressed) return image;
  image.resize(kHeader + size);
  ASSIGN_OR_RETURN(const size_t body,
                   ReadUpTo(port, std::span(image).subspan(kHeader), timeout_ms));
  image.resize(kHeader + body);
  return image;
}

}  // namespace

absl::StatusOr<std::string> ReadInitdataPort(int timeout_ms, const net::VirtioPortPaths& paths) {
  absl::StatusOr<UniqueFd> port = absl::NotFoundError("not tried");
  RETURN_IF_ERROR(AwaitDevice(
      "virtio-serial port of the initdata",
      [&] {
        port = net::OpenVirtioPort(api::kInitdataVirtioPort, paths);
        return !absl::IsNotFound(port.status());
      },
      timeout_ms));
  RETURN_IF_ERROR(port.status());
  RETURN_IF_ERROR(net::AwaitVirtioPeer(port->get(), timeout_ms), "initdata port");
  return ReadInitdata(port->get(), timeout_ms);
}

absl::StatusOr<std::string> ReadInitdata(int port, int timeout_ms) {
  ASSIGN_OR_RETURN(const Bytes image, ReadImage(port, timeout_ms));
  return tee::DecodeInitdataImage(image);
}

}  // namespace nacre::guest_agent
