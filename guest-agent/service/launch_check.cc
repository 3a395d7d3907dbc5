#include "guest-agent/service/launch_check.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/random.h"
#include "tee/sev/report.h"
#include "tee/tdx/td_report.h"

namespace nacre::guest_agent {

namespace {

constexpr std::string_view kWhere = "own hardware report";

absl::Status CheckNonce(ByteView answered, const tee::ReportData& nonce) {
  if (std::ranges::equal(answered, nonce.bytes)) return absl::OkStatus();
  return absl::DataLossError(StrCat(kWhere, ": it does not answer this agent's nonce"));
}

absl::Status CheckDigest(ByteView launched, ByteView given) {
  if (std::ranges::equal(launched, given)) return absl::OkStatus();
  return absl::PermissionDeniedError(
      StrCat("initdata refused: the hardware was launched with digest ", HexEncode(launched),
             ", the document the host gave has digest ", HexEncode(given)));
}

absl::Status CheckSnp(ByteView bytes, const tee::ReportData& nonce, ByteView digest) {
  ASSIGN_OR_RETURN(const tee::sev::Report report, tee::sev::ParseReport(bytes), kWhere);
  RETURN_IF_ERROR(CheckNonce(report.report_data, nonce));
  return CheckDigest(report.host_data, tee::InitdataHostData(digest));
}

absl::Status CheckTdx(ByteView bytes, const tee::ReportData& nonce, ByteView digest) {
  ASSIGN_OR_RETURN(const tee::tdx::TdReport report, tee::tdx::ParseTdReport(bytes), kWhere);
  RETURN_IF_ERROR(tee::tdx::CheckTdReportHashes(report), kWhere);
  RETURN_IF_ERROR(CheckNonce(report.td.report_data, nonce));
  return CheckDigest(report.td.mrconfigid, tee::InitdataMrConfigId(digest));
}

}  // namespace

absl::StatusOr<LaunchIdentity> CheckLaunch(std::string_view document, tee::EvidenceSource* source) {
  LaunchIdentity out;
  ASSIGN_OR_RETURN(out.initdata, tee::ParseInitdata(document));
  ASSIGN_OR_RETURN(out.initdata_digest, tee::InitdataDigest(document));
  ASSIGN_OR_RETURN(const tee::ReportData nonce,
                   tee::ReportData::FromBytes(crypto::RandomBytes(tee::kReportDataSize)));
  ASSIGN_OR_RETURN(const tee::Evidence own, source->OwnReport(nonce), kWhere);
  switch (own.kind) {
    case tee::TeeKind::kSnp:
      RETURN_IF_ERROR(CheckSnp(own.report, nonce, out.initdata_digest));
      return out;
    case tee::TeeKind::kTdx:
      RETURN_IF_ERROR(CheckTdx(own.report, nonce, out.initdata_digest));
      return out;
    case tee::TeeKind::kTpm:
      break;
  }
  return absl::UnimplementedError(
      StrCat("initdata: a ", tee::TeeName(own.kind), " has no field for its digest"));
}

}  // namespace nacre::guest_agent
