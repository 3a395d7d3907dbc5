// Appraises a guest's evidence: is it genuine (tee/sev/verify.h), is it for this session, and did
// the machine start with what a reference value says? A refusal names the part that differs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "attestation/protocol/launch_hint.h"
#include "attestation/reference/reference_value.h"
#include "tee/common/appraisal.h"
#include "tee/common/report_data.h"
#include "tee/sev/verify.h"

namespace nacre::attestation {

struct VerifierOptions {
  tee::sev::SnpTrust trust;
  tee::sev::SnpPolicy policy;
};

struct SnpAppraisalRequest {
  tee::sev::SnpEvidence evidence;
  tee::ReportData expected_report_data;
  std::optional<Bytes>
      initdata_digest;  // 1..64 bytes; compared with HOST_DATA as CoCo pads or cuts
  std::optional<LaunchHint> hint;
  std::span<const ReferenceValue> references;  // any one may match; none given is a refusal
  int64_t now = 0;                             // seconds since 1970
};

// Pure: the same request gives the same appraisal. Thread-safe.
class Verifier {
 public:
  explicit Verifier(VerifierOptions options) : options_(std::move(options)) {}
  tee::Appraisal AppraiseSnp(const SnpAppraisalRequest& request) const;

 private:
  VerifierOptions options_;
  // Chains seen before: changes what an appraisal costs, never what it says.
  std::shared_ptr<tee::sev::EndorsementCache> endorsements_ =
      std::make_shared<tee::sev::EndorsementCache>();
};

// The last of its checks alone, "launch measurement": does a reference value in force match a
// report that is already known to be genuine? A refusal names what differs.
bool CheckLaunchMeasurement(const tee::sev::Report& report,
                            std::span<const ReferenceValue> references,
                            const std::optional<LaunchHint>& hint, int64_t now,
                            tee::Appraisal* appraisal);

}  // namespace nacre::attestation
