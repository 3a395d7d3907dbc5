// The guest's TPM as an EvidenceSource.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "tee/common/evidence.h"
#include "tee/tpm/device.h"
#include "tee/tpm/evidence_json.h"

namespace nacre::tee::tpm {

// Where Linux keeps the firmware's log.
inline constexpr const char* kFirmwareLog = "/sys/kernel/security/tpm0/binary_bios_measurements";

struct TpmSourceOptions {
  std::string tpm = "/dev/tpmrm0";  // or swtpm's socket
  std::string firmware_log = kFirmwareLog;
  std::string runtime_log{};  // of tee/eventlog/runtime_extend.h; empty when there is none
  Bank bank = Bank::kSha256;
};

// Quotes all 24 PCRs with the report data as nonce. Evidence::report is a document of
// evidence_json.h with log, endorsement key certificate and attestation key.
class TpmSource : public EvidenceSource {
 public:
  static absl::StatusOr<std::unique_ptr<TpmSource>> Open(const TpmSourceOptions& options);
  std::string_view name() const override { return "tpm"; }
  absl::StatusOr<Evidence> Quote(const ReportData& report_data) override;

  // The same for a nonce of any length up to 64 bytes.
  absl::StatusOr<TpmDocument> QuoteDocument(ByteView nonce);
  TpmDevice& device() { return *device_; }

 private:
  TpmSource(const TpmSourceOptions& options, std::unique_ptr<TpmDevice> device)
      : options_(options), device_(std::move(device)) {}
  TpmSourceOptions options_;
  std::unique_ptr<TpmDevice> device_;
  std::mutex mutex_;
};

}  // namespace nacre::tee::tpm
