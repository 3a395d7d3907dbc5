// An evidence source for tests: an unsigned SNP report with the given HOST_DATA, or a TDREPORT with
// the given MRCONFIGID.
#pragma once

#include <algorithm>

#include "crypto/digest.h"
#include "tee/common/evidence.h"
#include "tee/sev/report.h"
#include "tee/tdx/td_report.h"

namespace nacre::guest_agent {

class FakeEvidence : public tee::EvidenceSource {
 public:
  explicit FakeEvidence(ByteView host_data) {
    std::copy_n(host_data.begin(), std::min<size_t>(32, host_data.size()),
                report_.host_data.begin());
    report_.version = 3;
    std::copy_n(host_data.begin(), std::min<size_t>(48, host_data.size()),
                td_report_.td.mrconfigid.begin());
    td_report_.report_type = {0x81, 0, 0, 0};
  }
  std::string_view name() const override { return "fake"; }
  absl::StatusOr<tee::Evidence> Quote(const tee::ReportData& report_data) override {
    if (!answers) return absl::UnavailableError("no answer");
    if (echo_nonce) report_.report_data = report_data.bytes;
    if (echo_nonce) td_report_.td.report_data = report_data.bytes;
    tee::Evidence out;
    out.kind = kind;
    out.report = kind == tee::TeeKind::kTdx ? TdReportBytes() : tee::sev::SerializeReport(report_);
    if (truncate) out.report.pop_back();
    return out;
  }
  absl::StatusOr<tee::Evidence> OwnReport(const tee::ReportData& report_data) override {
    return Quote(report_data);
  }

  bool answers = true;
  bool echo_nonce = true;
  bool truncate = false;
  bool wrong_hash = false;  // of TDINFO in a TDREPORT
  tee::TeeKind kind = tee::TeeKind::kSnp;

 private:
  // Sets both hashes of REPORTMACSTRUCT: of TEE_TCB_INFO (239 bytes at 256), TDINFO (512 at 512).
  Bytes TdReportBytes() {
    const Bytes bytes = tee::tdx::SerializeTdReport(td_report_);
    const auto hash = [&](size_t at, size_t size, auto& out) {
      const Bytes digest =
          crypto::Digest(crypto::HashAlgorithm::kSha384, ByteView(bytes).subspan(at, size));
      std::ranges::copy(digest, out.begin());
    };
    hash(256, 239, td_report_.tee_tcb_info_hash);
    hash(512, 512, td_report_.tee_info_hash);
    if (wrong_hash) td_report_.tee_info_hash[0] ^= 1;
    return tee::tdx::SerializeTdReport(td_report_);
  }
  tee::sev::Report report_;
  tee::tdx::TdReport td_report_;
};

}  // namespace nacre::guest_agent
