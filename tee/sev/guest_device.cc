// The kernel encrypts the request for the firmware and hands it to the host. So two parties can
// refuse: the firmware (low half of exitinfo2) and the host (high half). Two refusals of the host
// are no failure: the buffer for the certificates was too small (the kernel then says how large it
// must be), and "busy", by which hosts throttle guests.

#include "tee/sev/guest_device.h"

#include <fcntl.h>
#include <linux/sev-guest.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "tee/common/hex_number.h"
#include "tee/evidence_binding.h"
#include "tee/sev/certificates.h"
#include "tee/sev/report.h"

namespace nacre::tee::sev {
namespace {

constexpr size_t kPageSize = 4096;
constexpr size_t kFirstBuffer = 16 * 1024;  // the most the kernel takes
constexpr int kMaxResizes = 3;
constexpr int kPauseMs = 100;
constexpr uint32_t kHostInvalidLength = 1;
constexpr uint32_t kHostBusy = 2;
// MSG_REPORT_RSP (AMD 56860): u32 status, u32 size, 24 reserved bytes, report.
constexpr size_t kReportOffset = 32;

int PlainIoctl(int fd, unsigned long request, void* argument) {
  return ioctl(fd, request, argument);
}

void Sleep(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

std::string HostErrorText(uint32_t code) {
  switch (code) {
    case kHostInvalidLength:
      return "the buffer for certificates is too small";
    case kHostBusy:
      return "it throttles requests";
    default:
      return StrCat("code ", code);
  }
}

std::string Why(uint64_t exit_info, int error_number) {
  const auto host = static_cast<uint32_t>(exit_info >> 32);
  const auto firmware = static_cast<uint32_t>(exit_info);
  if (host != 0) return StrCat("the host refused: ", HostErrorText(host));
  if (firmware == UINT32_MAX) return "the request never reached the firmware";
  if (firmware != 0) return StrCat("the firmware refused with code ", FormatHexNumber(firmware));
  return std::string(strerror(error_number));
}

// "status" of MSG_REPORT_RSP.
std::string MessageStatusText(uint32_t status) {
  if (status == 0x16) return "invalid parameters (is the requested VMPL below the guest's?)";
  if (status == 0x27) return "invalid key selection";
  return StrCat("status ", FormatHexNumber(status));
}

absl::StatusOr<Bytes> ReportOf(const snp_report_resp& response) {
  ByteReader reader{ByteView(response.data)};
  ASSIGN_OR_RETURN(const uint32_t status, reader.U32Le("status"));
  ASSIGN_OR_RETURN(const uint32_t size, reader.U32Le("report size"));
  if (status != 0) return absl::InternalError("firmware: " + MessageStatusText(status));
  if (size != kReportSize) {
    return absl::DataLossError(StrCat("firmware: a report of ", size, " bytes, not ", kReportSize));
  }
  return ToBytes(ByteView(response.data).subspan(kReportOffset, kReportSize));
}

class Request {
 public:
  Request(int fd, const GuestDeviceOptions& options, const ReportData& report_data)
      : fd_(fd), options_(options) {
    std::copy(report_data.bytes.begin(), report_data.bytes.end(), extended_.data.user_data);
    extended_.data.vmpl = options.vmpl;
  }

  absl::StatusOr<Evidence> WithCertificates() {
    Bytes buffer(kFirstBuffer);
    for (int i = 0; i <= kMaxResizes; ++i) {
      extended_.certs_address = reinterpret_cast<uint64_t>(buffer.data());
      extended_.certs_len = static_cast<uint32_t>(buffer.size());
      const absl::Status status = Call(SNP_GET_EXT_REPORT, &extended_);
      if (status.ok()) return Finish(std::move(buffer));
      if (host_error_ != kHostInvalidLength) return status;
      const size_t wanted = extended_.certs_len;
      if (wanted <= buffer.size() || wanted > kMaxCertificateTable || wanted % kPageSize != 0) {
        return absl::OutOfRangeError(
            StrCat("the host wants a buffer of ", wanted, " bytes for certificates"));
      }
      buffer.assign(wanted, 0);
    }
    return absl::OutOfRangeError("the host's certificates grow with each request");
  }

  absl::StatusOr<Evidence> Plain() {
    RETURN_IF_ERROR(Call(SNP_GET_REPORT, &extended_.data));
    return Finish({});
  }

 private:
  // Again while the host throttles.
  absl::Status Call(unsigned long command, void* request) {
    for (int tries = 1;; ++tries) {
      response_ = {};
      snp_guest_request_ioctl argument{};
      argument.msg_version = 1;
      argument.req_data = reinterpret_cast<uint64_t>(request);
      argument.resp_data = reinterpret_cast<uint64_t>(&response_);
      if (options_.ioctl(fd_, command, &argument) == 0) return absl::OkStatus();
      const int error_number = errno;
      host_error_ = static_cast<uint32_t>(argument.exitinfo2 >> 32);
      const bool busy = host_error_ == kHostBusy || error_number == EAGAIN;
      if (!busy && error_number != EINTR) {
        return Annotate(absl::InternalError(Why(argument.exitinfo2, error_number)),
                        command == SNP_GET_REPORT ? "SNP_GET_REPORT" : "SNP_GET_EXT_REPORT");
      }
      if (tries >= options_.max_throttled) {
        return absl::UnavailableError(
            StrCat("the host throttles requests for reports; gave up after ", tries));
      }
      options_.pause(kPauseMs);
    }
  }

  // `table`: the buffer, of which the host filled the front and the rest is zero.
  absl::StatusOr<Evidence> Finish(Bytes table) {
    Evidence evidence{.kind = TeeKind::kSnp, .emulated = false, .report = {}, .auxiliary = {}};
    ASSIGN_OR_RETURN(evidence.report, ReportOf(response_));
    const bool empty = std::all_of(table.begin(), table.end(), [](uint8_t b) { return b == 0; });
    if (!empty) evidence.auxiliary = std::move(table);
    return evidence;
  }

  const int fd_;
  const GuestDeviceOptions& options_;
  snp_ext_report_req extended_{};
  snp_report_resp response_{};
  uint32_t host_error_ = 0;
};

GuestDeviceOptions WithDefaults(GuestDeviceOptions options) {
  if (!options.ioctl) options.ioctl = PlainIoctl;
  if (!options.pause) options.pause = Sleep;
  return options;
}

absl::StatusOr<Evidence> Ask(const std::string& device, const GuestDeviceOptions& options,
                             const ReportData& report_data) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(device, O_RDWR));
  auto evidence = Request(fd.get(), options, report_data).WithCertificates();
  // Certificates can come from elsewhere; a report cannot.
  if (!evidence.ok() && !absl::IsUnavailable(evidence.status())) {
    evidence = Request(fd.get(), options, report_data).Plain();
  }
  RETURN_IF_ERROR(evidence.status());
  RETURN_IF_ERROR(CheckBinding(*evidence, report_data));
  return evidence;
}

}  // namespace

GuestDeviceSource::GuestDeviceSource(std::string device, GuestDeviceOptions options)
    : device_(std::move(device)), options_(WithDefaults(std::move(options))) {}

absl::StatusOr<Evidence> GuestDeviceSource::Quote(const ReportData& report_data) {
  std::lock_guard lock(mutex_);
  auto evidence = Ask(device_, options_, report_data);
  if (!evidence.ok()) return Annotate(evidence.status(), device_);
  return evidence;
}

}  // namespace nacre::tee::sev
