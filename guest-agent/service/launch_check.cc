#include "guest-agent/service/launch_check.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/random.h"
#include "tee/sev/report.h"

namespace nacre::guest_agent {

absl::StatusOr<LaunchIdentity> CheckLaunch(std::string_view document, tee::EvidenceSource* source) {
  LaunchIdentity out;
  ASSIGN_OR_RETURN(out.initdata, tee::ParseInitdata(document));
  ASSIGN_OR_RETURN(out.initdata_digest, tee::InitdataDigest(document));
  ASSIGN_OR_RETURN(const tee::ReportData nonce,
                   tee::ReportData::FromBytes(crypto::RandomBytes(tee::kReportDataSize)));
  ASSIGN_OR_RETURN(const tee::Evidence evidence, source->Quote(nonce), "own hardware report");
  if (evidence.kind != tee::TeeKind::kSnp)
    return absl::UnimplementedError(StrCat("initdata: a ", tee::TeeName(evidence.kind),
                                           " report cannot be compared with it yet"));
  ASSIGN_OR_RETURN(const tee::sev::Report report, tee::sev::ParseReport(evidence.report),
                   "own hardware report");
  if (!std::ranges::equal(report.report_data, nonce.bytes))
    return absl::DataLossError("own hardware report: it does not answer this agent's nonce");
  const auto expected = tee::InitdataHostData(out.initdata_digest);
  if (!std::ranges::equal(report.host_data, expected))
    return absl::PermissionDeniedError(StrCat(
        "initdata refused: the hardware was launched with digest ", HexEncode(report.host_data),
        ", the document the host gave has digest ", HexEncode(expected)));
  return out;
}

}  // namespace nacre::guest_agent
