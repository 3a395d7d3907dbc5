// Evidence from /dev/sev-guest (linux/sev-guest.h): SNP_GET_EXT_REPORT, which also brings the
// certificates the host has, and SNP_GET_REPORT where the host cannot do that.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "tee/common/evidence.h"

namespace nacre::tee::sev {

struct GuestDeviceOptions {
  uint32_t vmpl = 0;  // the level to report; at least the one the guest runs at
  // ioctl(2), and a pause between two tries of a request that the host throttles.
  std::function<int(int fd, unsigned long request, void* argument)> ioctl{};
  std::function<void(int milliseconds)> pause{};
  int max_throttled = 20;  // tries
};

class GuestDeviceSource : public EvidenceSource {
 public:
  explicit GuestDeviceSource(std::string device = "/dev/sev-guest",
                             GuestDeviceOptions options = {});
  std::string_view name() const override { return "sev-guest"; }
  // kNotFound or kPermissionDenied: the device cannot be opened. kUnavailable: the host throttles
  // and does not stop. kInternal: the firmware or the host refused; the message has their codes in
  // words. kDataLoss: the answer is no report over `report_data`.
  absl::StatusOr<Evidence> Quote(const ReportData& report_data) override;

 private:
  const std::string device_;
  const GuestDeviceOptions options_;
  std::mutex mutex_;
};

}  // namespace nacre::tee::sev
