#include "tee/tdx/guest_device.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/strings.h"
#include "tee/evidence_binding.h"

namespace nacre::tee::tdx {
namespace {

// struct tdx_report_req of linux/tdx-guest.h, which Debian 12's headers lack.
struct TdxReportRequest {
  uint8_t report_data[kReportDataSize];
  uint8_t td_report[kTdReportSize];
};
constexpr unsigned long kGetReport0 = _IOWR('T', 1, TdxReportRequest);

int PlainIoctl(int fd, unsigned long request, void* argument) {
  return ioctl(fd, request, argument);
}

}  // namespace

GuestDeviceSource::GuestDeviceSource(std::string device, QgsAddress qgs, Ioctl ioctl)
    : device_(std::move(device)),
      qgs_(std::move(qgs)),
      ioctl_(ioctl ? std::move(ioctl) : Ioctl(PlainIoctl)) {}

absl::StatusOr<Bytes> GuestDeviceSource::TdReportOver(const ReportData& report_data) {
  TdxReportRequest request{};
  std::copy(report_data.bytes.begin(), report_data.bytes.end(), request.report_data);
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(device_, O_RDWR));
  if (ioctl_(fd.get(), kGetReport0, &request) != 0) {
    return ErrnoStatus(errno, StrCat(device_, ": TDX_CMD_GET_REPORT0"));
  }
  return Bytes(std::begin(request.td_report), std::end(request.td_report));
}

absl::StatusOr<Evidence> GuestDeviceSource::Quote(const ReportData& report_data) {
  Evidence evidence{.kind = TeeKind::kTdx, .emulated = false, .report = {}, .auxiliary = {}};
  ASSIGN_OR_RETURN(const Bytes td_report, TdReportOver(report_data));
  ASSIGN_OR_RETURN(evidence.report, RequestQuote(qgs_, td_report));
  RETURN_IF_ERROR(CheckBinding(evidence, report_data), device_);
  return evidence;
}

absl::StatusOr<Evidence> GuestDeviceSource::OwnReport(const ReportData& report_data) {
  Evidence evidence{.kind = TeeKind::kTdx, .emulated = false, .report = {}, .auxiliary = {}};
  ASSIGN_OR_RETURN(evidence.report, TdReportOver(report_data));
  return evidence;
}

}  // namespace nacre::tee::tdx
