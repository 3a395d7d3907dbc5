// Is this TDX quote genuine, how current is its platform, and does it meet a policy? Every step of
// Intel's DCAP verification in order: format, PCK chain to a pinned root, revocation, platform
// extension, quoting enclave's report and its binding to the attestation key, quote signature,
// collateral (type, signatures, platform, dates), quoting enclave identity, TDX module, TCB level,
// then the owner's policy (tee/tdx/policy.h).
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "tee/common/appraisal.h"
#include "tee/tdx/collateral.h"
#include "tee/tdx/endorsement.h"
#include "tee/tdx/pck_chain.h"
#include "tee/tdx/policy.h"
#include "tee/tdx/quote.h"
#include "tee/tdx/tcb.h"

namespace nacre::tee::tdx {

struct VerifiedTd {
  Quote quote;
  PckExtension pck;
  TcbEvaluation tcb;
  TcbNumbers numbers;
};

// Appends its checks and claims to `appraisal` (which it also marks as TDX, with root and emulated)
// and returns the trust domain when the quote is genuine and within policy, or nullopt:
// appraisal->refusal says why, appraisal->refusal_class what kind of reason that is. A quote that
// is not genuine ends the checks at the step that found it out. `now` is seconds since 1970. Bytes
// after the quote are passed over and counted in claim "trailing_bytes". With a `cache` (keep one
// per verifier), a PCK chain and collateral that were found good before cost no signature checks.
std::optional<VerifiedTd> VerifyTdx(ByteView quote, const ParsedCollateral& collateral,
                                    const TdxTrust& trust, const TdxPolicy& policy, int64_t now,
                                    Appraisal* appraisal, EndorsementCache* cache = nullptr);
// Collateral as it arrives; a part that cannot be read is the check "collateral format".
std::optional<VerifiedTd> VerifyTdx(ByteView quote, const Collateral& collateral,
                                    const TdxTrust& trust, const TdxPolicy& policy, int64_t now,
                                    Appraisal* appraisal);

// What to fetch collateral for: the platform kind that a quote's PCK certificate names. Nothing is
// verified. kInvalidArgument for what is no TDX quote with a PCK chain.
struct CollateralKey {
  std::array<uint8_t, 6> fmspc{};
  std::array<uint8_t, 2> pce_id{};
  bool platform_ca = true;  // else the Processor CA: whose CRL is needed
};
absl::StatusOr<CollateralKey> CollateralKeyOf(ByteView quote);

}  // namespace nacre::tee::tdx
