#include "cli/kbs_reference.h"

#include "attestation/protocol/evidence.h"
#include "attestation/verifier/evidence_file.h"
#include "attestation/verifier/launch_registers.h"
#include "attestation/verifier/verifier.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/x509.h"
#include "tee/sev/report.h"
#include "tee/tdx/quote.h"

namespace nacre::cli {
namespace {

using attestation::EvidenceFormat;

attestation::ReferenceSet ParseAll(const std::vector<std::string>& documents) {
  attestation::ReferenceSet set;
  for (const std::string& document : documents) {
    auto snp = attestation::ParseReferenceValue(document);
    if (snp.ok()) {
      set.snp.push_back(*std::move(snp));
      continue;
    }
    auto tdx = attestation::ParseTdxReference(document);
    if (tdx.ok()) set.tdx.push_back(*std::move(tdx));
  }
  return set;
}

std::string Verdict(const tee::Appraisal& appraisal) {
  if (appraisal.affirmed()) return StrCat("registered   as '", appraisal.reference, "'\n");
  std::string out = StrCat("registered   no: ", appraisal.refusal, "\n");
  const auto nearest = appraisal.claims.find("nearest_reference");
  if (nearest != appraisal.claims.end()) StrAppend(&out, "nearest      ", nearest->second, "\n");
  return out;
}

constexpr std::string_view kHow =
    "register it  with what `nacre measure --reference FILE` says of this launch:\n"
    "               nacre kbs reference register FILE\n";

absl::StatusOr<std::string> CompareSnp(ByteView report_bytes,
                                       const std::optional<attestation::LaunchHint>& hint,
                                       const attestation::ReferenceSet& references, int64_t now) {
  ASSIGN_OR_RETURN(const tee::sev::Report report, tee::sev::ParseReport(report_bytes));
  tee::Appraisal appraisal;
  attestation::CheckLaunchMeasurement(report, references.snp, hint, now, &appraisal);
  const std::string measurement = HexEncode(report.measurement);
  std::string out = StrCat("launch       ", measurement, " (SEV-SNP)\n", Verdict(appraisal));
  if (appraisal.affirmed()) return out;
  return StrCat(out, kHow, "             or as a plain value, beside those that are there:\n",
                "               nacre kbs reference set snp_launch_measurement '[\"", measurement,
                "\"]'\n");
}

absl::StatusOr<std::string> CompareTdx(ByteView quote_bytes, ByteView log,
                                       const attestation::ReferenceSet& references, int64_t now) {
  ASSIGN_OR_RETURN(const tee::tdx::Quote quote, tee::tdx::ParseQuote(quote_bytes));
  if (!quote.td) return absl::InvalidArgumentError("the quote is of no trust domain");
  tee::Appraisal appraisal;
  attestation::CheckTdxLaunch(*quote.td, references.tdx, true, log, now, &appraisal);
  std::string out = StrCat("launch       MRTD ", HexEncode(quote.td->mrtd), " (TDX)\n");
  std::string plain;
  for (size_t i = 0; i < quote.td->rtmr.size(); ++i) {
    const std::string value = HexEncode(quote.td->rtmr[i]);
    StrAppend(&out, "             RTMR", i, " ", value, "\n");
    const bool asked = i == 1 || i == 2;
    if (asked) {
      StrAppend(&plain, "               nacre kbs reference set rtmr_", i, " '[\"", value,
                "\"]'\n");
    }
  }
  StrAppend(&out, Verdict(appraisal));
  if (appraisal.affirmed()) return out;
  return StrCat(out, kHow, "             or as plain values, beside those that are there:\n",
                "               nacre kbs reference set mr_td '[\"", HexEncode(quote.td->mrtd),
                "\"]'\n", plain);
}

}  // namespace

absl::StatusOr<std::string> FormatReference(const Json& entry) {
  constexpr std::string_view kWhere = "answer";
  ASSIGN_OR_RETURN(const std::string name, JsonString(entry, "name", kWhere));
  ASSIGN_OR_RETURN(const uint64_t at, JsonUint(entry, "registered_at", kWhere));
  ASSIGN_OR_RETURN(const std::string by, JsonString(entry, "registered_by", kWhere));
  ASSIGN_OR_RETURN(const std::string source, JsonString(entry, "source_digest", kWhere));
  ASSIGN_OR_RETURN(const std::string signer, JsonString(entry, "signer", kWhere));
  ASSIGN_OR_RETURN(const uint64_t expires, JsonUint(entry, "expires_at", kWhere));
  std::string out = StrCat(name, "\n  registered  ", crypto::FormatTime(static_cast<int64_t>(at)),
                           " by ", by, "\n  from        ", source, "\n  signed by   ",
                           signer.empty() ? "nobody" : signer, "\n  counts      ");
  // A broker of before signatures does not say.
  const auto why = JsonString(entry, "why_not_counted", kWhere);
  if (why.ok() && !why->empty()) return StrCat(out, "no: ", *why);
  return StrCat(out, expires == 0
                         ? "always"
                         : StrCat("until ", crypto::FormatTime(static_cast<int64_t>(expires))));
}

absl::StatusOr<std::string> CompareWithReferences(ByteView evidence,
                                                  const std::vector<std::string>& documents,
                                                  int64_t now) {
  ASSIGN_OR_RETURN(const EvidenceFormat format, attestation::DetectEvidence(evidence));
  const attestation::ReferenceSet references = ParseAll(documents);
  if (format == EvidenceFormat::kSnpReport || format == EvidenceFormat::kSnpExtendedReport) {
    return CompareSnp(evidence.first(tee::sev::kReportSize), std::nullopt, references, now);
  }
  if (format == EvidenceFormat::kTdxQuote) return CompareTdx(evidence, {}, references, now);
  if (format == EvidenceFormat::kSnpEvidence) {
    ASSIGN_OR_RETURN(const Json json, ParseJson(AsText(evidence)));
    ASSIGN_OR_RETURN(const auto message, attestation::SnpEvidenceFromJson(json));
    return CompareSnp(message.evidence.report, message.hint, references, now);
  }
  if (format == EvidenceFormat::kTdxEvidence) {
    ASSIGN_OR_RETURN(const Json json, ParseJson(AsText(evidence)));
    ASSIGN_OR_RETURN(const auto message, attestation::TdxEvidenceFromJson(json));
    return CompareTdx(message.quote, message.event_log, references, now);
  }
  return absl::InvalidArgumentError(StrCat("the launch of ",
                                           attestation::EvidenceFormatTitle(format),
                                           " is not compared; SEV-SNP reports and TDX quotes are"));
}

}  // namespace nacre::cli
