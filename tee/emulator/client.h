// Evidence from nacre-tee-emulator, over the virtio-serial port `org.nacre.tee.0`. Used only when
// the measured command line says so: see tee/select_source.h.
#pragma once

#include <mutex>
#include <string>

#include "tee/common/evidence.h"

namespace nacre::tee::emulator {

class EmulatedEvidenceSource : public EvidenceSource {
 public:
  // `port_path`: a character device (or a unix socket in tests). Opened for each quote, since such
  // a port has one opener at a time.
  explicit EmulatedEvidenceSource(std::string port_path, int timeout_ms = 10000)
      : port_path_(std::move(port_path)), timeout_ms_(timeout_ms) {}
  std::string_view name() const override { return "emulator"; }
  absl::StatusOr<Evidence> Quote(const ReportData& report_data) override;

 private:
  std::string port_path_;
  int timeout_ms_;
  std::mutex mutex_;
};

}  // namespace nacre::tee::emulator
