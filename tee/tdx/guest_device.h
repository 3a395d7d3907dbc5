// Evidence from /dev/tdx_guest: a TDREPORT by TDX_CMD_GET_REPORT0 (linux/tdx-guest.h), made a quote
// by the host's quote generation service. Kernels from 6.7 on do both behind configfs-tsm.
#pragma once

#include <functional>
#include <string>

#include "tee/common/evidence.h"
#include "tee/tdx/qgs.h"

namespace nacre::tee::tdx {

class GuestDeviceSource : public EvidenceSource {
 public:
  using Ioctl = std::function<int(int fd, unsigned long request, void* argument)>;

  explicit GuestDeviceSource(std::string device = "/dev/tdx_guest", QgsAddress qgs = {},
                             Ioctl ioctl = nullptr);
  std::string_view name() const override { return "tdx-guest"; }
  // Besides RequestQuote's errors: kNotFound or kPermissionDenied for the device, an errno's code
  // for the ioctl, kDataLoss when the quote is not over `report_data`.
  absl::StatusOr<Evidence> Quote(const ReportData& report_data) override;
  // Without the service: the TDREPORT as the device gives it.
  absl::StatusOr<Evidence> OwnReport(const ReportData& report_data) override;

 private:
  absl::StatusOr<Bytes> TdReportOver(const ReportData& report_data);

  const std::string device_;
  const QgsAddress qgs_;
  const Ioctl ioctl_;
};

}  // namespace nacre::tee::tdx
