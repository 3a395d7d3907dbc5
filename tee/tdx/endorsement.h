// Everything a quote's verification rests on that is not the quote's own: a PCK that has been
// checked all the way to a pinned root, and collateral about its platform that has been checked
// under the same root. What is left per quote are two ECDSA P-256 verifications.
#pragma once

#include <cstdint>
#include <string>

#include "tee/common/proof_cache.h"
#include "tee/tdx/collateral.h"
#include "tee/tdx/pck_chain.h"
#include "tee/tdx/pck_extension.h"

namespace nacre::tee::tdx {

struct Endorsement {
  PckChain chain;
  PckExtension pck;
  crypto::PublicKey pck_key;
  // No date that was looked at passes between these: from the first second to before the second.
  int64_t not_before = 0;
  int64_t not_after = 0;
};

// The stretch around `now` in which every comparison of a date of these with `now` comes out alike.
void SetPeriod(const ParsedCollateral& collateral, int64_t now, Endorsement* endorsement);

// Endorsements that were good, by everything that made them so: the bytes of the PCK chain and of
// the collateral, and the pins. Another byte or a time outside the period is a miss, so a cache
// never changes a verdict.
class EndorsementCache : public ProofCache<Endorsement> {
 public:
  // A chain of certificates is about 3.7 KiB of PEM; a padded one is verified anew each time.
  static constexpr size_t kMaxCertificationData = 8 << 10;

  explicit EndorsementCache(size_t capacity = 1024) : ProofCache(capacity) {}

  // Stands for all but the time; about as long as the certification data.
  static std::string Key(ByteView certification_data, const ParsedCollateral& collateral,
                         const TdxTrust& trust);
};

}  // namespace nacre::tee::tdx
