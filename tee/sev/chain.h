// From a VCEK or VLEK to a trusted root, through AMD's one intermediate.
#pragma once

#include <cstdint>
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

// `leaf_kind` is kVcek or kVlek: the entry of `presented` to start from. kUnauthenticated, with the
// certificate and the reason, unless every signature, date and constraint of a three-certificate
// path to a trusted root holds at `now` (seconds since 1970).
absl::StatusOr<VekChain> VerifyVekChain(const std::vector<CertificateEntry>& presented,
                                        CertificateKind leaf_kind, const SnpTrust& trust,
                                        int64_t now);

// The CRLs presented or known, each of which must be signed by a CA of the chain and be current.
// The root's lists intermediates. AMD gives every leaf the serial number 0, so a listed 0 names no
// leaf in particular and is not held against one; any other listed serial of the leaf is. Returns
// how many CRLs were applied; kUnauthenticated when revoked, when a CRL is bad, or when
// trust.require_crl and none is the root's.
absl::StatusOr<int> CheckRevocation(const VekChain& chain,
                                    const std::vector<CertificateEntry>& presented,
                                    const SnpTrust& trust, int64_t now);

}  // namespace nacre::tee::sev
