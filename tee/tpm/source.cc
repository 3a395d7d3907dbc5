#include "tee/tpm/source.h"

#include "base/file.h"
#include "base/strings.h"
#include "tee/eventlog/runtime_extend.h"

namespace nacre::tee::tpm {

absl::StatusOr<std::unique_ptr<TpmSource>> TpmSource::Open(const TpmSourceOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<TpmDevice> device, TpmDevice::Open(options.tpm));
  return std::unique_ptr<TpmSource>(new TpmSource(options, std::move(device)));
}

absl::StatusOr<TpmDocument> TpmSource::QuoteDocument(ByteView nonce) {
  const std::lock_guard lock(mutex_);
  std::vector<uint32_t> all;
  for (uint32_t pcr = 0; pcr < eventlog::kPcrCount; ++pcr) all.push_back(pcr);
  TpmDocument out;
  ASSIGN_OR_RETURN(out.evidence, device_->Quote(PcrSelection::Of(options_.bank, all), nonce));
  ASSIGN_OR_RETURN(out.ak_public, device_->AkPublic());
  // A TPM without a certificate, or a kernel without a log, still quotes.
  const auto certificate = device_->EkCertificate();
  if (certificate.ok()) out.ek_certificate = *certificate;
  if (!PathExists(options_.firmware_log)) return out;
  ASSIGN_OR_RETURN(Bytes firmware, ReadFile(options_.firmware_log, eventlog::kMaxLogSize));
  ASSIGN_OR_RETURN(out.evidence.event_log,
                   eventlog::JoinLogs(firmware, eventlog::Registers::kPcr, options_.runtime_log));
  return out;
}

absl::StatusOr<Evidence> TpmSource::Quote(const ReportData& report_data) {
  ASSIGN_OR_RETURN(TpmDocument document, QuoteDocument(report_data.view()));
  return Evidence{TeeKind::kTpm, false, ToBytes(FormatTpmDocument(document)), {}};
}

}  // namespace nacre::tee::tpm
