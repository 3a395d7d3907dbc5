// Confidential virtual machines of Azure, whose guest sees a vTPM and no TEE device: the chip signs
// a report (SNP), or Intel's quoting enclave a quote (TDX), over the digest of runtime data that
// names the vTPM's attestation key; that key signs the PCRs and the nonce.
//
//   SNP: root -> VCEK -> report ---+
//                                  +-> SHA-256 of runtime data -> HCLAkPub -> quote -> nonce, PCRs
//   TDX: root -> PCK -> TD quote --+
//
// The report is made at boot, so freshness comes from the nonce in the vTPM's quote.
#pragma once

#include <optional>
#include <string_view>

#include "tee/sev/verify.h"
#include "tee/tdx/verify.h"
#include "tee/tpm/hcl.h"
#include "tee/tpm/verify.h"

namespace nacre::tee::tpm {

struct AzureEvidence {
  Bytes hcl_report;
  TpmEvidence tpm;
  std::vector<sev::CertificateEntry> certificates;  // SNP: the VCEK, and what else came along
  Bytes td_quote;                                   // TDX
};

// The evidence of coco's az-snp-vtpm and az-tdx-vtpm attesters, in both of its forms: version "1"
// (hex and base64url) and the older one (arrays of numbers). The raw RSASSA signature in it becomes
// a TPMT_SIGNATURE with SHA-256. kInvalidArgument (class FORMAT) for anything else.
absl::StatusOr<AzureEvidence> ParseAzureEvidence(std::string_view json);

struct AzurePolicy {
  TpmPolicy tpm{};
  // Launch measurements (SNP MEASUREMENT or MRTD, 48 bytes) of paravisors whose vTPM is trusted.
  // Any other confidential guest can name an attestation key of its own in its report data and sign
  // made-up PCRs with it, so a decision needs this list, or the claim "azure.paravisor" compared
  // with reference values elsewhere. Empty accepts any.
  std::vector<Bytes> paravisors{};
};

struct AzureResult {
  HclRuntimeData runtime;
  TpmReport tpm;
};

// Appends checks and claims to `appraisal` (kSnp or kTdx, by its root) and returns what was found,
// or nullopt: appraisal->refusal says why. Claims of the vTPM are those of VerifyTpm, the
// paravisor's are "azure.vm.<name>" and "azure.user_data". Classes beside those of VerifySnp,
// VerifyTdx and VerifyTpm: TYPE_MISMATCH (an HCL report of the other kind), HCL_BINDING,
// MEASUREMENT.
std::optional<AzureResult> VerifyAzureSnp(const AzureEvidence& evidence, const sev::SnpTrust& trust,
                                          const sev::SnpPolicy& snp_policy, ByteView nonce,
                                          const AzurePolicy& policy, int64_t now,
                                          Appraisal* appraisal);
std::optional<AzureResult> VerifyAzureTdx(const AzureEvidence& evidence,
                                          const tdx::ParsedCollateral& collateral,
                                          const tdx::TdxTrust& trust,
                                          const tdx::TdxPolicy& tdx_policy, ByteView nonce,
                                          const AzurePolicy& policy, int64_t now,
                                          Appraisal* appraisal);

}  // namespace nacre::tee::tpm
