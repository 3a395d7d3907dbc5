#include "tee/tpm/transport.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <tss2/tss2_tcti.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/unique_fd.h"

namespace nacre::tee::tpm {
namespace {

constexpr uint64_t kMagic = 0x6e616372652d7470;  // "nacre-tp"
constexpr int kTimeoutMs = 120'000;
constexpr size_t kHeader = 10;  // tag, size, response code
constexpr size_t kMaxResponse = 4096;

struct Context {
  TSS2_TCTI_CONTEXT_COMMON_V2 common;
  UniqueFd fd;
};

Context* Of(TSS2_TCTI_CONTEXT* context) { return reinterpret_cast<Context*>(context); }

TSS2_RC Transmit(TSS2_TCTI_CONTEXT* context, size_t size, const uint8_t* command) {
  const absl::Status status = WriteAll(Of(context)->fd.get(), ByteView(command, size));
  return status.ok() ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_IO_ERROR;
}

// One read: the device gives a response whole, a socket what has come. -1 at an error or the end.
ssize_t ReadSome(int fd, std::span<uint8_t> out) {
  pollfd wait = {fd, POLLIN, 0};
  for (;;) {
    const int ready = poll(&wait, 1, kTimeoutMs);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return -1;
    const ssize_t got = read(fd, out.data(), out.size());
    if (got < 0 && errno == EINTR) continue;
    return got == 0 ? -1 : got;
  }
}

TSS2_RC Receive(TSS2_TCTI_CONTEXT* context, size_t* size, uint8_t* response, int32_t) {
  if (response == nullptr) {  // asked for the size: the largest there is
    *size = kMaxResponse;
    return TSS2_RC_SUCCESS;
  }
  const std::span<uint8_t> room(response, std::min(*size, kMaxResponse));
  size_t wanted = kHeader;
  size_t have = 0;
  while (have < wanted) {
    if (room.size() < wanted) return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
    const ssize_t got = ReadSome(Of(context)->fd.get(), room.subspan(have));
    if (got < 0) return TSS2_TCTI_RC_IO_ERROR;
    have += static_cast<size_t>(got);
    if (have >= kHeader) {
      ByteReader reader(ByteView(response + 2, 4));
      wanted = std::max<size_t>(kHeader, reader.U32Be("size").value_or(0));
    }
  }
  if (have != wanted) return TSS2_TCTI_RC_MALFORMED_RESPONSE;
  *size = have;
  return TSS2_RC_SUCCESS;
}

void Finalize(TSS2_TCTI_CONTEXT*) {}
TSS2_RC Cancel(TSS2_TCTI_CONTEXT*) { return TSS2_TCTI_RC_NOT_IMPLEMENTED; }
TSS2_RC GetPollHandles(TSS2_TCTI_CONTEXT*, TSS2_TCTI_POLL_HANDLE*, size_t*) {
  return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}
TSS2_RC SetLocality(TSS2_TCTI_CONTEXT*, uint8_t) { return TSS2_TCTI_RC_NOT_IMPLEMENTED; }
TSS2_RC MakeSticky(TSS2_TCTI_CONTEXT*, TPM2_HANDLE*, uint8_t) {
  return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

absl::StatusOr<UniqueFd> Connect(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(StrCat("TPM socket: path too long: ", path));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return ErrnoStatus(errno, "TPM socket");
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return ErrnoStatus(errno, StrCat("TPM socket ", path));
  }
  return fd;
}

}  // namespace

void TransportDeleter::operator()(TSS2_TCTI_CONTEXT* context) const { delete Of(context); }

absl::StatusOr<Transport> OpenTransport(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, StrCat("TPM ", path));
  auto context = std::make_unique<Context>();
  if (S_ISSOCK(info.st_mode)) {
    ASSIGN_OR_RETURN(context->fd, Connect(path));
  } else {
    ASSIGN_OR_RETURN(context->fd, OpenFile(path, O_RDWR));
  }
  TSS2_TCTI_CONTEXT_COMMON_V1& functions = context->common.v1;
  functions.magic = kMagic;
  functions.version = 2;
  functions.transmit = Transmit;
  functions.receive = Receive;
  functions.finalize = Finalize;
  functions.cancel = Cancel;
  functions.getPollHandles = GetPollHandles;
  functions.setLocality = SetLocality;
  context->common.makeSticky = MakeSticky;
  return Transport(reinterpret_cast<TSS2_TCTI_CONTEXT*>(context.release()));
}

}  // namespace nacre::tee::tpm
