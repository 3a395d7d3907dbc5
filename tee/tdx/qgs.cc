#include "tee/tdx/qgs.h"

#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/deadline.h"
#include "base/strings.h"
#include "base/unique_fd.h"
#include "tee/common/hex_number.h"

namespace nacre::tee::tdx {
namespace {

constexpr uint16_t kMajorVersion = 1;
constexpr uint32_t kGetQuoteRequest = 0;
constexpr uint32_t kGetQuoteResponse = 1;
constexpr size_t kHeaderSize = 16;
constexpr size_t kPrefixSize = 4;

// A connected, non-blocking stream with a deadline over all it does.
class Stream {
 public:
  explicit Stream(int timeout_ms) : deadline_(Deadline::After(timeout_ms)) {}

  absl::Status Connect(const QgsAddress& address) {
    if (!address.unix_path.empty()) {
      sockaddr_un to{.sun_family = AF_UNIX, .sun_path = {}};
      if (address.unix_path.size() >= sizeof to.sun_path) {
        return absl::InvalidArgumentError(StrCat("socket path is too long: ", address.unix_path));
      }
      std::copy(address.unix_path.begin(), address.unix_path.end(), to.sun_path);
      return ConnectTo(AF_UNIX, &to, sizeof to);
    }
    sockaddr_vm to{};
    to.svm_family = AF_VSOCK;
    to.svm_cid = address.cid;
    to.svm_port = address.port;
    return ConnectTo(AF_VSOCK, &to, sizeof to);
  }

  absl::Status Send(ByteView bytes) {
    while (!bytes.empty()) {
      RETURN_IF_ERROR(WaitFor(POLLOUT));
      const ssize_t size = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size > 0) bytes = bytes.subspan(static_cast<size_t>(size));
      if (size < 0 && !Transient(errno)) return ErrnoStatus(errno, "sending the request");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Bytes> Receive(size_t size) {
    Bytes out;
    uint8_t buffer[16 * 1024];
    while (out.size() < size) {
      RETURN_IF_ERROR(WaitFor(POLLIN));
      const ssize_t got = recv(fd_.get(), buffer, std::min(sizeof buffer, size - out.size()), 0);
      if (got == 0) return absl::DataLossError("the connection ends inside an answer");
      if (got < 0 && !Transient(errno)) return ErrnoStatus(errno, "receiving the answer");
      if (got > 0) out.insert(out.end(), buffer, buffer + got);
    }
    return out;
  }

 private:
  static bool Transient(int error) { return error == EAGAIN || error == EINTR; }

  absl::Status ConnectTo(int family, const void* address, socklen_t size) {
    fd_ = UniqueFd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd_.valid()) return absl::UnavailableError(Message(ErrnoStatus(errno, "socket")).data());
    if (connect(fd_.get(), static_cast<const sockaddr*>(address), size) == 0) {
      return absl::OkStatus();
    }
    if (errno != EINPROGRESS && errno != EAGAIN) return Unreachable(errno);
    RETURN_IF_ERROR(WaitFor(POLLOUT));
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    return error == 0 ? absl::OkStatus() : Unreachable(error);
  }

  static absl::Status Unreachable(int error) {
    return absl::UnavailableError(
        StrCat("cannot connect: ", Message(ErrnoStatus(error, "connect"))));
  }

  absl::Status WaitFor(short events) {
    while (true) {
      if (deadline_.expired()) return absl::DeadlineExceededError("no answer in time");
      pollfd waited{.fd = fd_.get(), .events = events, .revents = 0};
      const int ready = poll(&waited, 1, deadline_.RemainingMillis());
      if (ready > 0) return absl::OkStatus();
      if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "poll");
    }
  }

  UniqueFd fd_;
  Deadline deadline_;
};

absl::StatusOr<Bytes> Exchange(const QgsAddress& address, ByteView td_report) {
  Stream stream(address.timeout_ms);
  RETURN_IF_ERROR(stream.Connect(address));
  const Bytes request = EncodeQuoteRequest(td_report);
  ByteWriter framed;
  framed.U32Be(static_cast<uint32_t>(request.size())).Put(request);
  RETURN_IF_ERROR(stream.Send(framed.bytes()));
  ASSIGN_OR_RETURN(const Bytes prefix, stream.Receive(kPrefixSize));
  ASSIGN_OR_RETURN(const uint32_t size, ByteReader(prefix).U32Be("size"));
  if (size > kMaxQgsMessage) {
    return absl::DataLossError(StrCat("an answer of ", size, " bytes, at most ", kMaxQgsMessage));
  }
  ASSIGN_OR_RETURN(const Bytes message, stream.Receive(size));
  auto quote = DecodeQuoteResponse(message);
  if (absl::IsInvalidArgument(quote.status()) || absl::IsOutOfRange(quote.status())) {
    return absl::DataLossError(StrCat(Message(quote.status())));
  }
  return quote;
}

}  // namespace

Bytes EncodeQuoteRequest(ByteView td_report) {
  ByteWriter out;
  out.U16Le(kMajorVersion).U16Le(0).U32Le(kGetQuoteRequest);
  out.U32Le(static_cast<uint32_t>(kHeaderSize + 8 + td_report.size())).U32Le(0);
  out.U32Le(static_cast<uint32_t>(td_report.size())).U32Le(0).Put(td_report);
  return out.Release();
}

absl::StatusOr<Bytes> DecodeQuoteResponse(ByteView message) {
  ByteReader reader(message);
  ASSIGN_OR_RETURN(const uint16_t major, reader.U16Le("major version"));
  RETURN_IF_ERROR(reader.Skip(2, "minor version"));
  ASSIGN_OR_RETURN(const uint32_t type, reader.U32Le("message type"));
  ASSIGN_OR_RETURN(const uint32_t size, reader.U32Le("message size"));
  ASSIGN_OR_RETURN(const uint32_t error, reader.U32Le("error code"));
  if (major != kMajorVersion) {
    return absl::InvalidArgumentError(StrCat("message version ", major, " is not 1"));
  }
  if (type != kGetQuoteResponse) {
    return absl::InvalidArgumentError(StrCat("message type ", type, " is not an answer"));
  }
  if (size != message.size()) {
    return absl::InvalidArgumentError(
        StrCat("a message of ", message.size(), " bytes says it has ", size));
  }
  if (error != 0) {
    return absl::UnavailableError(
        StrCat("quote generation failed with code ", FormatHexNumber(error)));
  }
  ASSIGN_OR_RETURN(const uint32_t id_size, reader.U32Le("id size"));
  ASSIGN_OR_RETURN(const uint32_t quote_size, reader.U32Le("quote size"));
  RETURN_IF_ERROR(reader.Skip(id_size, "id"));
  ASSIGN_OR_RETURN(const ByteView quote, reader.Take(quote_size, "quote"));
  if (quote.empty()) return absl::InvalidArgumentError("the quote is empty");
  if (!reader.done()) return absl::InvalidArgumentError("bytes follow the quote");
  return ToBytes(quote);
}

absl::StatusOr<Bytes> RequestQuote(const QgsAddress& address, ByteView td_report) {
  auto quote = Exchange(address, td_report);
  if (quote.ok()) return quote;
  return Annotate(quote.status(),
                  address.unix_path.empty()
                      ? StrCat("quote service at vsock ", address.cid, ":", address.port)
                      : StrCat("quote service at ", address.unix_path));
}

}  // namespace nacre::tee::tdx
