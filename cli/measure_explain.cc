// The evidence is not verified here: a report that was made up would be explained just as well.
// `nacre verify` says whether it is genuine; this says what its measurement stands for.

#include "attestation/protocol/snp_evidence.h"
#include "attestation/verifier/evidence_file.h"
#include "attestation/verifier/launch_difference.h"
#include "attestation/verifier/tdx_difference.h"
#include "attestation/verifier/verify_snp_evidence.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "cli/measure_modes.h"
#include "crypto/digest.h"
#include "tee/common/firmware_table.h"
#include "tee/sev/launch_digest.h"

namespace nacre::cli {
namespace {

using attestation::EvidenceFormat;

constexpr int kExitDiffers = 1;
constexpr size_t kMaxAlternative = size_t{1} << 30;

bool IsSnp(EvidenceFormat format) {
  return format == EvidenceFormat::kSnpReport || format == EvidenceFormat::kSnpExtendedReport ||
         format == EvidenceFormat::kSnpEvidence;
}

std::optional<attestation::LaunchHint> HintOf(EvidenceFormat format, ByteView bytes) {
  if (format != EvidenceFormat::kSnpEvidence) return std::nullopt;
  const auto json = ParseJson(AsText(bytes));
  if (!json.ok()) return std::nullopt;
  const auto message = attestation::SnpEvidenceFromJson(*json);
  return message.ok() ? message->hint : std::nullopt;
}

// Each file is tried as kernel and as initrd, and as firmware when it can be one.
absl::StatusOr<attestation::LaunchAlternatives> Alternatives(const MeasureOptions& options,
                                                             const tee::LaunchInputs& inputs) {
  attestation::LaunchAlternatives out;
  for (const std::string& path : options.also) {
    ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path, kMaxAlternative), "--also");
    out.files.push_back({path, crypto::Digest(crypto::HashAlgorithm::kSha256, bytes)});
    if (bytes.size() > tee::kMaxFirmware) continue;
    tee::LaunchInputs firmware_only = inputs;
    firmware_only.kernel_path.clear();
    firmware_only.initrd_path.clear();
    firmware_only.command_line.clear();
    firmware_only.vcpus = 1;
    auto measured = tee::sev::MeasureLaunch(firmware_only, bytes, {}, {});
    if (measured.ok()) out.firmware.push_back({path, std::move(measured->firmware)});
  }
  return out;
}

absl::StatusOr<MeasureOutcome> Outcome(const MeasureOptions& options, bool same, Json findings,
                                       std::string text) {
  MeasureOutcome out;
  out.exit_code = same ? 0 : kExitDiffers;
  out.text = std::move(text);
  if (!options.json) return out;
  const Json document = {
      {"schema", "nacre.explain/1"}, {"same", same}, {"findings", std::move(findings)}};
  ASSIGN_OR_RETURN(out.text, DumpJson(document, 2));
  out.text += "\n";
  return out;
}

absl::StatusOr<MeasureOutcome> ExplainSnp(const MeasureOptions& options,
                                          const tee::LaunchInputs& inputs, EvidenceFormat format,
                                          ByteView bytes) {
  if (inputs.mode != tee::LaunchMode::kSnp) {
    return absl::InvalidArgumentError("the evidence is of SEV-SNP; measure with mode snp");
  }
  ASSIGN_OR_RETURN(const auto evidence, attestation::ReadSnpEvidence(format, bytes));
  ASSIGN_OR_RETURN(const auto report, tee::sev::ParseReport(evidence.report));
  ASSIGN_OR_RETURN(const tee::Measurement expected, tee::sev::MeasureLaunch(inputs));
  const bool same = ToBytes(report.measurement) == expected.digest;
  std::string why = "the launch is the expected one";
  if (!same) {
    const auto hint = HintOf(format, bytes);
    ASSIGN_OR_RETURN(const auto alternatives, Alternatives(options, inputs));
    std::optional<std::string> found;
    if (hint) found = attestation::ProvenDifference(expected, report.measurement, *hint);
    if (!found) found = SearchLaunchDifference(expected, report.measurement, alternatives);
    why = found ? *found
                : "nothing that was tried accounts for it: firmware, kernel or initrd differ (give "
                  "other candidates with --also)";
  }
  std::string text;
  MeasureRow("expected", HexEncode(expected.digest), &text);
  MeasureRow("reported", HexEncode(report.measurement), &text);
  StrAppend(&text, same ? "same: " : "differs: ", why, "\n");
  return Outcome(options, same,
                 Json::array({{{"register", "measurement"}, {"same", same}, {"why", why}}}), text);
}

absl::StatusOr<Bytes> TdQuoteOf(EvidenceFormat format, ByteView bytes, Bytes* event_log) {
  if (format == EvidenceFormat::kTdxQuote) return ToBytes(bytes);
  ASSIGN_OR_RETURN(const Json document, ParseJson(AsText(bytes)));
  ASSIGN_OR_RETURN(const std::string quote, JsonString(document, "quote", "TDX evidence"));
  const auto log = document.find("cc_eventlog");
  if (event_log->empty() && log != document.end() && log->is_string()) {
    ASSIGN_OR_RETURN(*event_log, Base64Decode(log->get<std::string>()), "cc_eventlog");
  }
  return Base64Decode(quote);
}

absl::StatusOr<MeasureOutcome> ExplainTdx(const MeasureOptions& options,
                                          const tee::LaunchInputs& inputs, EvidenceFormat format,
                                          ByteView bytes) {
  if (inputs.mode != tee::LaunchMode::kTdx) {
    return absl::InvalidArgumentError("the evidence is of TDX; measure with mode tdx");
  }
  Bytes event_log;
  if (!options.event_log.empty()) {
    ASSIGN_OR_RETURN(event_log, ReadFile(options.event_log, attestation::kMaxEvidenceFile),
                     "--event-log");
  }
  ASSIGN_OR_RETURN(const Bytes quote_bytes, TdQuoteOf(format, bytes, &event_log));
  ASSIGN_OR_RETURN(const auto quote, tee::tdx::ParseQuote(quote_bytes));
  if (!quote.td) return absl::InvalidArgumentError("the quote is about no trust domain");
  attestation::TdxLaunch launch;
  launch.inputs = inputs;
  ASSIGN_OR_RETURN(launch.options, TdxOptions(options));
  ASSIGN_OR_RETURN(launch.files, ReadTdxLaunchFiles(inputs, launch.options));
  for (const std::string& path : options.also) {
    ASSIGN_OR_RETURN(Bytes file, ReadFile(path, kMaxAlternative), "--also");
    launch.also.emplace_back(path, std::move(file));
  }
  ASSIGN_OR_RETURN(const auto findings,
                   attestation::ExplainTdxDifference(launch, *quote.td, event_log));
  bool same = true;
  std::string text;
  Json list = Json::array();
  for (const attestation::RegisterFinding& finding : findings) {
    same = same && finding.same;
    StrAppend(&text, "  ", finding.name, std::string(7 - finding.name.size(), ' '),
              finding.same ? "same" : "differs: ", finding.why, "\n");
    list.push_back({{"register", finding.name}, {"same", finding.same}, {"why", finding.why}});
  }
  StrAppend(&text, same ? "same\n" : "differs\n");
  return Outcome(options, same, std::move(list), text);
}

}  // namespace

absl::StatusOr<MeasureOutcome> ExplainMeasurement(const MeasureOptions& options,
                                                  const tee::LaunchInputs& inputs) {
  ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(options.explain, attestation::kMaxEvidenceFile),
                   "--explain");
  ASSIGN_OR_RETURN(const EvidenceFormat format, attestation::DetectEvidence(bytes),
                   options.explain);
  if (IsSnp(format)) return ExplainSnp(options, inputs, format, bytes);
  if (format == EvidenceFormat::kTdxQuote || format == EvidenceFormat::kTdxEvidence) {
    return ExplainTdx(options, inputs, format, bytes);
  }
  return absl::InvalidArgumentError(
      StrCat(options.explain, ": cannot explain an ", attestation::EvidenceFormatTitle(format)));
}

}  // namespace nacre::cli
