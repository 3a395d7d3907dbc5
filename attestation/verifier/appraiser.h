// Appraises evidence of any kind: is it genuine, for this session, with the owner's initdata, and
// did the machine start with what a reference value says? One entry; the kind decides who checks.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "attestation/protocol/evidence.h"
#include "attestation/verifier/launch_registers.h"
#include "attestation/verifier/verifier.h"
#include "tee/tdx/verify.h"
#include "tee/tpm/azure.h"
#include "tee/tpm/verify.h"

namespace nacre::attestation {

// Where TDX collateral comes from. Its error becomes the check "collateral", class
// COLLATERAL_MISSING.
using TdxCollateralSource = std::function<absl::StatusOr<tee::tdx::Collateral>(
    const tee::tdx::CollateralKey& key, int64_t now)>;

// SNP evidence with what it lacks of certificates, and with CRLs; a sentence in `missing` for each
// document that could not be had.
using SnpCollateralSource = std::function<tee::sev::SnpEvidence(
    const tee::sev::SnpEvidence& evidence, int64_t now, std::vector<std::string>* missing)>;

struct AppraiserOptions {
  VerifierOptions snp;
  SnpCollateralSource snp_collateral;  // none: evidence must bring its chain
  tee::tdx::TdxTrust tdx_trust;
  tee::tdx::TdxPolicy tdx_policy;
  bool require_rtmr0 = true;  // see CheckTdxLaunch()
  TdxCollateralSource tdx_collateral;
  std::vector<tee::tpm::TrustedAk> trusted_aks;  // of "tpm"; none: it is refused
  tee::tpm::TpmPolicy tpm_policy;
  tee::tpm::AzurePolicy azure_policy;  // no paravisor: Azure's evidence is refused
  bool allow_sample = false;           // takes evidence of no hardware for an emulator's
};

struct AppraisalRequest {
  const EvidenceMessage& evidence;
  Bytes binding;                         // PrimaryBinding() or DeviceBinding(), 48 bytes
  std::optional<Bytes> initdata_digest;  // 1 to 64 bytes
  const ReferenceSet& references;
  int64_t now = 0;  // seconds since 1970
};

// Its parts but the appraisal are of genuine evidence only.
struct AppraisalOutcome {
  EvidenceKind kind = EvidenceKind::kSnp;
  tee::Appraisal appraisal;
  // Every check but that of the launch has passed: whether an unknown launch is good enough may be
  // left to a policy.
  bool genuine = false;
  Json claims = Json::object();  // under the names peers' policies read
  Bytes report_data;             // of TPMs the nonce
  Bytes init_data;               // HOST_DATA, MRCONFIGID, PCR 8
};

// The check that compares a machine's start with the reference values, for all kinds.
inline constexpr std::string_view kLaunchCheck = "launch measurement";

// Thread-safe; may wait for its collateral source.
class Appraiser {
 public:
  explicit Appraiser(AppraiserOptions options);
  AppraisalOutcome Appraise(const AppraisalRequest& request) const;

 private:
  void Snp(const SnpEvidenceMessage& evidence, const AppraisalRequest& request,
           AppraisalOutcome* out) const;
  void Tdx(const TdxEvidenceMessage& evidence, const AppraisalRequest& request,
           AppraisalOutcome* out) const;
  void Azure(const tee::tpm::AzureEvidence& evidence, const AppraisalRequest& request,
             AppraisalOutcome* out) const;
  void Tpm(const TpmEvidenceMessage& evidence, const AppraisalRequest& request,
           AppraisalOutcome* out) const;
  void Sample(const SampleEvidence& evidence, const AppraisalRequest& request,
              AppraisalOutcome* out) const;
  bool HasTrustedChain(ByteView quote, int64_t now, tee::Appraisal* appraisal) const;
  std::optional<tee::tdx::ParsedCollateral> CollateralFor(ByteView quote, int64_t now,
                                                          tee::Appraisal* appraisal) const;

  AppraiserOptions options_;
  Verifier snp_;
};

}  // namespace nacre::attestation
