// From a VCEK or VLEK to a trusted root, through AMD's one intermediate.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "crypto/x509.h"
#include "tee/sev/certificates.h"
#include "tee/sev/roots.h"

namespace nacre::tee::sev {

struct SnpTrust {
  std::vector<TrustedRoot> roots = AmdRoots();
  // ARK, ASK, ASVK and CRL, DER, used beside what the evidence brings.
  std::vector<CertificateEntry> known_certificates;
  bool require_crl = false;  // refuse when no CRL of the root is at hand
};

struct VekChain {
  crypto::Certificate leaf;          // VCEK or VLEK
  crypto::Certificate intermediate;  // ASK or ASVK
  crypto::Certificate root;          // ARK
  TrustedRoot trusted;               // the pin that `root` met
};

// `leaf_kind` is kVcek or kVlek: the entry of `presented` to start from. kUnauthenticated or
// kInvalidArgument, with the certificate and the reason, unless every signature, date and
// constraint of a three-certificate path to a trusted root holds at `now` (seconds since 1970).
// Classes: CHAIN, EXPIRED, NOT_YET_VALID, FORMAT (no certificate), KEY_TYPE (only the other kind of
// leaf came).
absl::StatusOr<VekChain> VerifyVekChain(const std::vector<CertificateEntry>& presented,
                                        CertificateKind leaf_kind, const SnpTrust& trust,
                                        int64_t now);

struct Revocation {
  int applied = 0;           // CRLs that spoke for a CA of the chain
  bool zero_listed = false;  // one of the root's lists serial number 0
  // Every one of them is current from the first second to before the second.
  int64_t not_before = std::numeric_limits<int64_t>::min();
  int64_t not_after = std::numeric_limits<int64_t>::max();
};

// The CRLs presented or known, each of which must be signed by a CA of the chain and be current.
//
// AMD gives every leaf the serial number 0. In a CRL of the intermediate, which issued the leaves,
// a listed 0 is taken at its word. In one of the root, which issued none of them, it names no leaf
// in particular, would condemn all machines, and is not held against one (`zero_listed` says that
// it was there); any other listed serial of the leaf is.
//
// Classes: REVOKED, CRL_SIGNATURE, CRL_EXPIRED (also: not yet in force), FORMAT, and CRL_MISSING
// when trust.require_crl and none is the root's.
absl::StatusOr<Revocation> CheckRevocation(const VekChain& chain,
                                           const std::vector<CertificateEntry>& presented,
                                           const SnpTrust& trust, int64_t now);

}  // namespace nacre::tee::sev
