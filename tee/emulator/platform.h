// The emulated security processor of one guest: signs SNP reports over report data, with the
// measurement it has computed itself from what the guest was started with.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tee/common/launch_inputs.h"
#include "tee/common/report_data.h"
#include "tee/emulator/faults.h"
#include "tee/emulator/identity.h"
#include "tee/emulator/protocol.h"
#include "tee/sev/report.h"

namespace nacre::tee::emulator {

struct PlatformOptions {
  uint32_t report_version = 3;  // or 5, which adds the mitigation vectors
  std::set<SnpFault> faults{};
  // For faults of certificates and CRLs, and for MakeCollateral: where the identity's folder is,
  // and the time to make them for.
  std::string folder{};
  int64_t now = 0;
};

class Platform {
 public:
  // Measures the launch: kInvalidArgument when it is not SNP, for another report version, and all
  // errors of MeasureLaunch.
  static absl::StatusOr<Platform> Create(Identity identity, const LaunchInputs& inputs,
                                         const PlatformOptions& options = {});
  // With a measurement (48 bytes) and host data of the caller's.
  static absl::StatusOr<Platform> Create(Identity identity, ByteView measurement,
                                         const std::array<uint8_t, 32>& host_data,
                                         const PlatformOptions& options);

  // A report (VMPL 0) and the certificate table.
  absl::StatusOr<Bytes> SignReport(const ReportData& report_data) const;
  const Bytes& certificate_table() const { return table_; }

  // What a verifier may have beside the evidence: intermediate, ARK and the ARK's CRL, which is
  // current (or as a fault wants it).
  absl::StatusOr<std::vector<sev::CertificateEntry>> MakeCollateral() const;

  // The frame that answers `request`: a reply, or an error that says what is wrong with it.
  Frame Answer(const Frame& request) const;

  const Identity& identity() const { return identity_; }

 private:
  Platform(Identity identity, sev::Report blank, PlatformOptions options)
      : identity_(std::move(identity)), blank_(blank), options_(std::move(options)) {}
  bool Has(SnpFault fault) const { return options_.faults.contains(fault); }
  absl::Status Recertify();
  absl::StatusOr<Bytes> MakeCrl() const;

  Identity identity_;
  sev::Report blank_;  // everything but report data and signature
  PlatformOptions options_;
  Bytes table_;
};

}  // namespace nacre::tee::emulator
