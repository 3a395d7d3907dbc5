// The emulated security processor of one guest: signs SNP reports over report data, with the
// measurement it has computed itself from what the guest was started with.
#pragma once

#include "base/bytes.h"
#include "tee/common/launch_inputs.h"
#include "tee/common/report_data.h"
#include "tee/emulator/identity.h"
#include "tee/emulator/protocol.h"
#include "tee/sev/report.h"

namespace nacre::tee::emulator {

class Platform {
 public:
  // Measures the launch: kInvalidArgument when it is not SNP, and all errors of MeasureLaunch.
  static absl::StatusOr<Platform> Create(Identity identity, const LaunchInputs& inputs);

  // A version 3 report (VMPL 0) and the certificate table.
  absl::StatusOr<Bytes> SignReport(const ReportData& report_data) const;
  const Bytes& certificate_table() const { return table_; }

  // The frame that answers `request`: a reply, or an error that says what is wrong with it.
  Frame Answer(const Frame& request) const;

 private:
  Platform(Identity identity, sev::Report blank, Bytes table)
      : identity_(std::move(identity)), blank_(blank), table_(std::move(table)) {}

  Identity identity_;
  sev::Report blank_;  // everything but report data and signature
  Bytes table_;
};

}  // namespace nacre::tee::emulator
