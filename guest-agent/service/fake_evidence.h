// An evidence source for tests: an unsigned SNP report with the given HOST_DATA.
#pragma once

#include <algorithm>

#include "tee/common/evidence.h"
#include "tee/sev/report.h"

namespace nacre::guest_agent {

class FakeEvidence : public tee::EvidenceSource {
 public:
  explicit FakeEvidence(ByteView host_data) {
    std::copy_n(host_data.begin(), std::min<size_t>(32, host_data.size()),
                report_.host_data.begin());
    report_.version = 3;
  }
  std::string_view name() const override { return "fake"; }
  absl::StatusOr<tee::Evidence> Quote(const tee::ReportData& report_data) override {
    if (!answers) return absl::UnavailableError("no answer");
    if (echo_nonce) report_.report_data = report_data.bytes;
    tee::Evidence out;
    out.kind = kind;
    out.report = tee::sev::SerializeReport(report_);
    if (truncate) out.report.pop_back();
    return out;
  }

  bool answers = true;
  bool echo_nonce = true;
  bool truncate = false;
  tee::TeeKind kind = tee::TeeKind::kSnp;

 private:
  tee::sev::Report report_;
};

}  // namespace nacre::guest_agent
