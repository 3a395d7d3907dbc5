// Most formats have a mark of their own: the quoting enclave vendor in a quote's header, the magic
// of TPMS_ATTEST, "HCLA", "Spec ID Event03" in a log's first event. SNP reports have none, only a
// version, a signature algorithm and a size, so they are tried last. JSON is told by its members.

#include "attestation/verifier/evidence_file.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "tee/sev/report.h"

namespace nacre::attestation {
namespace {

constexpr std::array<uint8_t, 16> kIntelQeVendor = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                                    0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
constexpr size_t kTdReportSize = 1024;
constexpr size_t kShown = 16;  // bytes of an unknown file

bool HasAt(ByteView bytes, size_t offset, ByteView what) {
  return bytes.size() >= offset && bytes.size() - offset >= what.size() &&
         std::equal(what.begin(), what.end(), bytes.begin() + static_cast<ptrdiff_t>(offset));
}

uint32_t Word(ByteView bytes, size_t offset, size_t width) {
  uint32_t value = 0;
  if (bytes.size() < offset + width) return 0;
  for (size_t i = 0; i < width; ++i) value |= uint32_t{bytes[offset + i]} << (8 * i);
  return value;
}

bool AllZero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

std::optional<EvidenceFormat> QuoteFormat(ByteView bytes) {
  if (!HasAt(bytes, 12, kIntelQeVendor)) return std::nullopt;
  return Word(bytes, 4, 4) == 0x81 ? EvidenceFormat::kTdxQuote : EvidenceFormat::kSgxQuote;
}

// The first event of a log, in the older form: register, EV_NO_ACTION with a digest of zeros and
// "Spec ID EventNN", or, in SHA-1 logs, any register below 24 and a known type.
bool IsEventLog(ByteView bytes) {
  constexpr size_t kHeader = 32;
  if (bytes.size() < kHeader || Word(bytes, 0, 4) >= 24) return false;
  const uint32_t type = Word(bytes, 4, 4);
  const uint32_t size = Word(bytes, 28, 4);
  if (size > bytes.size() - kHeader) return false;
  if (type == 3 && AllZero(bytes.subspan(8, 20))) {
    return HasAt(bytes, kHeader, AsBytes("Spec ID Event")) ||
           HasAt(bytes, kHeader, AsBytes("StartupLocality")) ||
           HasAt(bytes, kHeader, AsBytes("SP800-155 Event"));
  }
  return type != 0 && (type <= 0x12 || (type >> 4) == 0x8000000) && !AllZero(bytes.subspan(8, 20));
}

// REPORTMACSTRUCT opens with REPORTTYPE: type 0x81 (TDX), subtype 0, version 0 or 1, reserved 0.
bool IsTdReport(ByteView bytes) {
  return bytes.size() == kTdReportSize && bytes[0] == 0x81 && bytes[1] == 0 && bytes[2] <= 1 &&
         bytes[3] == 0;
}

std::optional<EvidenceFormat> SnpFormat(ByteView bytes) {
  const uint32_t version = Word(bytes, 0, 4);
  const bool is_report = bytes.size() >= tee::sev::kReportSize && version >= 1 && version <= 64 &&
                         Word(bytes, 0x34, 4) == 1;  // ECDSA P-384 with SHA-384
  if (!is_report) return std::nullopt;
  return bytes.size() == tee::sev::kReportSize ? EvidenceFormat::kSnpReport
                                               : EvidenceFormat::kSnpExtendedReport;
}

bool LooksLikeJson(ByteView bytes) {
  const std::string_view text = StripSpace(AsText(bytes));
  return !text.empty() && text.front() == '{';
}

absl::StatusOr<EvidenceFormat> JsonFormat(ByteView bytes) {
  ASSIGN_OR_RETURN(const Json document,
                   ParseJson(AsText(bytes), {.max_size = kMaxEvidenceFile, .max_depth = 16}),
                   "evidence");
  const auto has = [&document](const char* key) { return document.contains(key); };
  if (has("attestation_report")) return EvidenceFormat::kSnpEvidence;
  const bool hcl = has("hcl_report") || has("report");
  if (hcl && has("td_quote")) return EvidenceFormat::kAzureTdxEvidence;
  if (hcl && has("vcek")) return EvidenceFormat::kAzureSnpEvidence;
  if (has("tpm_quote") || has("attest")) return EvidenceFormat::kTpmEvidence;
  if (has("quote") && document["quote"].is_string()) return EvidenceFormat::kTdxEvidence;
  return absl::InvalidArgumentError("JSON without the members of any evidence this program knows");
}

}  // namespace

std::string_view EvidenceFormatName(EvidenceFormat format) {
  switch (format) {
    case EvidenceFormat::kSnpReport:
      return "snp-report";
    case EvidenceFormat::kSnpExtendedReport:
      return "snp-extended-report";
    case EvidenceFormat::kSnpEvidence:
      return "snp-evidence";
    case EvidenceFormat::kTdxQuote:
      return "tdx-quote";
    case EvidenceFormat::kTdxEvidence:
      return "tdx-evidence";
    case EvidenceFormat::kTdReport:
      return "td-report";
    case EvidenceFormat::kSgxQuote:
      return "sgx-quote";
    case EvidenceFormat::kAzureReport:
      return "azure-report";
    case EvidenceFormat::kAzureSnpEvidence:
      return "azure-snp-evidence";
    case EvidenceFormat::kAzureTdxEvidence:
      return "azure-tdx-evidence";
    case EvidenceFormat::kTpmQuote:
      return "tpm-quote";
    case EvidenceFormat::kTpmEvidence:
      return "tpm-evidence";
    case EvidenceFormat::kEventLog:
      return "event-log";
  }
  return "unknown";
}

std::string_view EvidenceFormatTitle(EvidenceFormat format) {
  switch (format) {
    case EvidenceFormat::kSnpReport:
      return "AMD SEV-SNP attestation report";
    case EvidenceFormat::kSnpExtendedReport:
      return "AMD SEV-SNP attestation report with certificates";
    case EvidenceFormat::kSnpEvidence:
      return "AMD SEV-SNP evidence of the KBS protocol";
    case EvidenceFormat::kTdxQuote:
      return "Intel TDX quote";
    case EvidenceFormat::kTdxEvidence:
      return "Intel TDX evidence of the KBS protocol";
    case EvidenceFormat::kTdReport:
      return "Intel TDX TDREPORT";
    case EvidenceFormat::kSgxQuote:
      return "Intel SGX quote";
    case EvidenceFormat::kAzureReport:
      return "Azure HCL report";
    case EvidenceFormat::kAzureSnpEvidence:
      return "Azure vTPM evidence under SEV-SNP";
    case EvidenceFormat::kAzureTdxEvidence:
      return "Azure vTPM evidence under TDX";
    case EvidenceFormat::kTpmQuote:
      return "TPM 2.0 quote";
    case EvidenceFormat::kTpmEvidence:
      return "TPM 2.0 evidence of the KBS protocol";
    case EvidenceFormat::kEventLog:
      return "measured-boot event log";
  }
  return "unknown";
}

absl::StatusOr<EvidenceFormat> DetectEvidence(ByteView bytes) {
  if (bytes.size() > kMaxEvidenceFile) {
    return absl::ResourceExhaustedError(
        StrCat("evidence of ", bytes.size(), " bytes, at most ", kMaxEvidenceFile));
  }
  if (bytes.empty()) return absl::InvalidArgumentError("the file is empty");
  if (LooksLikeJson(bytes)) return JsonFormat(bytes);
  if (const auto quote = QuoteFormat(bytes)) return *quote;
  if (HasAt(bytes, 0, AsBytes("HCLA"))) return EvidenceFormat::kAzureReport;
  constexpr std::array<uint8_t, 6> kTpmsAttestQuote = {0xff, 'T', 'C', 'G', 0x80, 0x18};
  if (HasAt(bytes, 0, kTpmsAttestQuote)) return EvidenceFormat::kTpmQuote;
  if (IsTdReport(bytes)) return EvidenceFormat::kTdReport;
  if (const auto snp = SnpFormat(bytes)) return *snp;
  if (IsEventLog(bytes)) return EvidenceFormat::kEventLog;
  return absl::InvalidArgumentError(
      StrCat("not evidence of a kind this program knows: ", bytes.size(), " bytes that begin with ",
             HexEncode(bytes.first(std::min(bytes.size(), kShown)))));
}

}  // namespace nacre::attestation
