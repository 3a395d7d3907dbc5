// Verifies a file of evidence of any kind (evidence_file.h) with collateral from files: what
// `nacre verify` does, without its printing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/reference/reference_value.h"
#include "attestation/reference/tdx_reference.h"
#include "attestation/verifier/collateral_files.h"
#include "attestation/verifier/evidence_file.h"
#include "tee/common/appraisal.h"
#include "tee/common/report_data.h"
#include "tee/sev/chain.h"
#include "tee/sev/policy.h"
#include "tee/tdx/policy.h"
#include "tee/tpm/verify.h"

namespace nacre::attestation {

struct EvidenceRequest {
  CollateralFiles collateral;
  int64_t now = 0;  // seconds since 1970
  // Roots beside the vendors' own, as certificates: an emulator's.
  std::vector<crypto::Certificate> trusted_roots;
  std::optional<tee::ReportData> report_data;     // the evidence must carry exactly this
  std::vector<ReferenceValue> references;         // when given, one of them must match
  std::vector<TdxReferenceValue> tdx_references;  // likewise, of TDX guests
  tee::sev::SnpPolicy snp_policy;
  tee::tdx::TdxPolicy tdx_policy;
  tee::tpm::TpmPolicy tpm_policy;
  std::optional<crypto::PublicKey> attestation_key;  // TPM: trusted by configuration
  std::optional<Bytes> nonce;                        // TPM: the quote must carry exactly this
  std::vector<Bytes> paravisors;  // Azure: launches of the paravisors that are trusted; none = any
  Bytes tpm_signature;            // TPMT_SIGNATURE of a bare TPMS_ATTEST
  Bytes pcrs;       // SHA-256 PCRs of a bare TPMS_ATTEST, from PCR 0 on, 32 bytes each
  Bytes event_log;  // of the quote, when it does not bring one; empty = none
};

struct EvidenceVerdict {
  EvidenceFormat format = EvidenceFormat::kSnpReport;
  size_t size = 0;  // of the file
  tee::Appraisal appraisal;
  bool verified() const { return appraisal.affirmed(); }
};

// An error means the file could not be read as evidence at all; what was read and found wanting is
// a verdict with a refusal.
absl::StatusOr<EvidenceVerdict> VerifyEvidence(ByteView bytes, const EvidenceRequest& request);

}  // namespace nacre::attestation
