// A VCEK or VLEK that has been checked all the way: chain to a pinned root, revocation, kind and
// extensions. What is left per report is one ECDSA P-384 verification.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tee/common/appraisal.h"
#include "tee/common/proof_cache.h"
#include "tee/sev/chain.h"
#include "tee/sev/vek.h"

namespace nacre::tee::sev {

struct Endorsement {
  VekChain chain;
  Revocation revocation;
  VekExtensions extensions;
  crypto::PublicKey key;  // the leaf's
  // All of the above holds from the first second to before the second.
  int64_t not_before = 0;
  int64_t not_after = 0;

  Product product() const { return chain.trusted.product; }
};

// Endorsements that were good, by everything that made them so: the bytes of all certificates and
// CRLs at hand, the pinned keys and the demand for a CRL. Another certificate, another pin or a
// time outside its dates is a miss, so a cache never changes a verdict.
class EndorsementCache : public ProofCache<Endorsement> {
 public:
  explicit EndorsementCache(size_t capacity = 1024) : ProofCache(capacity) {}

  // 32 bytes that stand for all that VerifyEndorsement looks at, but the time.
  static std::string Key(const std::vector<CertificateEntry>& presented, CertificateKind leaf_kind,
                         const SnpTrust& trust);
};

// The leaf of `leaf_kind` (kVcek or kVlek) with all its checks, each added to `appraisal` (which is
// also marked with root and emulated); nullptr at the first that fails. Checks: "certificate
// chain", "revocation", "signing key", "certificate extensions". `cache` may be null.
std::shared_ptr<const Endorsement> VerifyEndorsement(const std::vector<CertificateEntry>& presented,
                                                     CertificateKind leaf_kind,
                                                     const SnpTrust& trust, int64_t now,
                                                     EndorsementCache* cache, Appraisal* appraisal);

}  // namespace nacre::tee::sev
