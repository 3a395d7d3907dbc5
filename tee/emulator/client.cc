#include "tee/emulator/client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "crypto/random.h"
#include "tee/emulator/protocol.h"
#include "tee/sev/report.h"

namespace nacre::tee::emulator {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// What may stand in the port in front of the answer: the rest of an answer to someone before us.
constexpr size_t kMaxSkipped = 2 * kMaxReply;
// A port whose host side is not connected (yet) reports a hang-up at once; look again after this.
constexpr milliseconds kHangupPause(20);

absl::StatusOr<UniqueFd> ConnectSocket(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(StrCat("socket path is too long: ", path));
  }
  std::copy(path.begin(), path.end(), address.sun_path);
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "socket");
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return ErrnoStatus(errno, StrCat("connecting to ", path));
  }
  if (fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) return ErrnoStatus(errno, "O_NONBLOCK");
  return fd;
}

absl::StatusOr<UniqueFd> OpenPort(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, path);
  if (S_ISSOCK(info.st_mode)) return ConnectSocket(path);
  return OpenFile(path, O_RDWR | O_NONBLOCK | O_NOCTTY);
}

class Exchange {
 public:
  Exchange(int fd, int timeout_ms) : fd_(fd), deadline_(Clock::now() + milliseconds(timeout_ms)) {}

  absl::Status Send(ByteView bytes) {
    while (!bytes.empty()) {
      RETURN_IF_ERROR(WaitFor(POLLOUT));
      const ssize_t size = write(fd_, bytes.data(), bytes.size());
      if (size > 0) bytes = bytes.subspan(static_cast<size_t>(size));
      if (size < 0 && !Transient(errno)) return ErrnoStatus(errno, "writing the request");
    }
    return absl::OkStatus();
  }

  // The reply or error frame that carries `id`.
  absl::StatusOr<Frame> Receive(const RequestId& id) {
    FrameScanner scanner(kMaxReply);
    Bytes buffer(16 * 1024);
    while (scanner.skipped() <= kMaxSkipped) {
      if (auto frame = scanner.Next({FrameType::kQuoteReply, FrameType::kError}, id)) {
        return *std::move(frame);
      }
      RETURN_IF_ERROR(WaitFor(POLLIN));
      const ssize_t size = read(fd_, buffer.data(), buffer.size());
      if (size == 0) return absl::UnavailableError("the emulator closed the port");
      if (size < 0 && !Transient(errno)) return ErrnoStatus(errno, "reading the reply");
      if (size > 0) scanner.Append(ByteView(buffer).first(static_cast<size_t>(size)));
    }
    return absl::DataLossError("no reply among the bytes the port gave");
  }

 private:
  static bool Transient(int error) { return error == EAGAIN || error == EINTR; }

  absl::Status WaitFor(short events) {
    while (true) {
      const auto left = std::chrono::ceil<milliseconds>(deadline_ - Clock::now()).count();
      if (left <= 0) return absl::DeadlineExceededError("no answer in time");
      pollfd waited{.fd = fd_, .events = events, .revents = 0};
      const int ready = poll(&waited, 1, static_cast<int>(left));
      if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "poll");
      if (ready > 0 && (waited.revents & events) != 0) return absl::OkStatus();
      if (ready > 0) std::this_thread::sleep_for(kHangupPause);
    }
  }

  int fd_;
  Clock::time_point deadline_;
};

absl::StatusOr<Evidence> ToEvidence(const Frame& frame, const ReportData& report_data) {
  if (frame.type == FrameType::kError) {
    return absl::UnavailableError(StrCat("refused: ", AsText(frame.payload)));
  }
  if (frame.payload.size() < sev::kReportSize) {
    return absl::DataLossError("the reply is shorter than a report");
  }
  const ByteView payload(frame.payload);
  Evidence evidence{.kind = TeeKind::kSnp,
                    .emulated = true,
                    .report = ToBytes(payload.first(sev::kReportSize)),
                    .auxiliary = ToBytes(payload.subspan(sev::kReportSize))};
  const auto report = sev::ParseReport(evidence.report);
  if (!report.ok()) return absl::DataLossError(StrCat(Message(report.status())));
  if (report->report_data != report_data.bytes) {
    return absl::DataLossError("the report is for other report data");
  }
  return evidence;
}

absl::StatusOr<Evidence> Ask(const std::string& path, int timeout_ms,
                             const ReportData& report_data) {
  ASSIGN_OR_RETURN(const UniqueFd port, OpenPort(path));
  Frame request{FrameType::kQuoteRequest, {}, ToBytes(report_data.view())};
  const Bytes id = crypto::RandomBytes(request.id.size());
  std::copy(id.begin(), id.end(), request.id.begin());
  Exchange exchange(port.get(), timeout_ms);
  RETURN_IF_ERROR(exchange.Send(EncodeFrame(request)));
  ASSIGN_OR_RETURN(const Frame reply, exchange.Receive(request.id));
  return ToEvidence(reply, report_data);
}

}  // namespace

absl::StatusOr<Evidence> EmulatedEvidenceSource::Quote(const ReportData& report_data) {
  std::lock_guard lock(mutex_);
  auto evidence = Ask(port_path_, timeout_ms_, report_data);
  if (!evidence.ok()) return Annotate(evidence.status(), "TEE emulator");
  return evidence;
}

}  // namespace nacre::tee::emulator
