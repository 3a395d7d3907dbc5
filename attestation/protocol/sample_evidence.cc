#include "attestation/protocol/sample_evidence.h"

#include "base/encoding.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kWhere = "sample evidence";
constexpr size_t kMaxSvn = 64;
constexpr size_t kMaxReportData = 64;

}  // namespace

absl::StatusOr<SampleEvidence> SampleEvidenceFromJson(const Json& json) {
  SampleEvidence out;
  ASSIGN_OR_RETURN(out.svn, JsonString(json, "svn", kWhere));
  ASSIGN_OR_RETURN(const std::string text, JsonString(json, "report_data", kWhere));
  ASSIGN_OR_RETURN(out.report_data, Base64Decode(text), "sample evidence: report_data");
  if (out.svn.size() > kMaxSvn) return absl::InvalidArgumentError("sample evidence: svn");
  if (out.report_data.empty() || out.report_data.size() > kMaxReportData) {
    return absl::InvalidArgumentError("sample evidence: report_data has not 1 to 64 bytes");
  }
  return out;
}

absl::StatusOr<Json> SampleEvidenceToJson(const SampleEvidence& evidence) {
  return Json{{"svn", evidence.svn}, {"report_data", Base64Encode(evidence.report_data)}};
}

}  // namespace nacre::attestation
