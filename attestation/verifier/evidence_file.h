// A file of evidence, of any kind this project knows, told apart by its contents. Detection only
// looks at the few bytes or members that make a kind; whether the rest is in order is for the
// verifier of that kind to say.
#pragma once

#include <string_view>

#include "base/bytes.h"

namespace nacre::attestation {

inline constexpr size_t kMaxEvidenceFile = 8 << 20;

enum class EvidenceFormat {
  kSnpReport,          // 1184 bytes
  kSnpExtendedReport,  // a report with the GHCB certificate table behind it
  kSnpEvidence,        // JSON of the KBS protocol, "snp"
  kTdxQuote,           // version 4 or 5
  kTdxEvidence,        // JSON of the KBS protocol, "tdx"
  kTdReport,           // TDREPORT_STRUCT, 1024 bytes: not signed for outsiders
  kSgxQuote,           // not a VM's
  kAzureReport,        // HCL report with its runtime data: "HCLA"
  kAzureSnpEvidence,   // JSON: HCL report, VCEK and TPM quote
  kAzureTdxEvidence,   // JSON: HCL report, TD quote and TPM quote
  kTpmQuote,           // TPMS_ATTEST
  kTpmEvidence,        // JSON: TPM quote with PCRs and attestation key
  kEventLog,           // TCG crypto-agile or SHA-1 log, CCEL included
};

// "snp-report", "tdx-quote", ...: the words of `nacre verify --json`.
std::string_view EvidenceFormatName(EvidenceFormat format);
// "AMD SEV-SNP attestation report", ...
std::string_view EvidenceFormatTitle(EvidenceFormat format);

// kInvalidArgument, saying what the bytes begin with, for anything else; kResourceExhausted past
// kMaxEvidenceFile.
absl::StatusOr<EvidenceFormat> DetectEvidence(ByteView bytes);

}  // namespace nacre::attestation
