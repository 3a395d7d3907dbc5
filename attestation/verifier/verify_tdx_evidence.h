// TDX quotes with collateral from files, and logs beside them, for verify_evidence.
#pragma once

#include <string_view>

#include "attestation/verifier/verify_evidence.h"
#include "tee/tdx/collateral.h"
#include "tee/tdx/pck_chain.h"

namespace nacre::attestation {

// What a folder holds for the platform of `quote`: TCB info and QE identity for TDX, the newest
// that is in force at `now` first, then the newest of any, then one for another platform or for
// SGX, so that the refusal says what is wrong with it; all signing certificates; all CRLs.
tee::tdx::Collateral ChooseTdxCollateral(ByteView quote, const CollateralFiles& files, int64_t now);

// Intel's root and request.trusted_roots.
tee::tdx::TdxTrust TdxTrustOf(const EvidenceRequest& request);

void VerifyTdxQuote(ByteView quote, ByteView event_log, const EvidenceRequest& request,
                    tee::Appraisal* appraisal);

// {"quote": base64, "cc_eventlog": base64}: as CoCo's attesters send it. Other members are passed
// over.
absl::Status VerifyTdxEvidence(std::string_view json, const EvidenceRequest& request,
                               tee::Appraisal* appraisal);

}  // namespace nacre::attestation
