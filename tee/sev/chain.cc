#include "tee/sev/chain.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/crl.h"

namespace nacre::tee::sev {
namespace {

using crypto::Certificate;

// Entries of the kinds asked for, of both lists; what the evidence brings first.
std::vector<const CertificateEntry*> Select(const std::vector<CertificateEntry>& presented,
                                            const std::vector<CertificateEntry>& known,
                                            std::initializer_list<CertificateKind> kinds) {
  std::vector<const CertificateEntry*> out;
  for (const auto* list : {&presented, &known}) {
    for (const CertificateEntry& entry : *list) {
      if (std::find(kinds.begin(), kinds.end(), entry.kind) != kinds.end()) out.push_back(&entry);
    }
  }
  return out;
}

absl::StatusOr<std::vector<Certificate>> Parse(
    const std::vector<const CertificateEntry*>& entries) {
  std::vector<Certificate> out;
  for (const CertificateEntry* entry : entries) {
    auto certificate = Certificate::FromDer(entry->data);
    if (!certificate.ok()) {
      return absl::UnauthenticatedError(
          StrCat(CertificateKindName(entry->kind), ": ", Message(certificate.status())));
    }
    out.push_back(*std::move(certificate));
  }
  return out;
}

const TrustedRoot* FindPin(const Bytes& spki_sha384, const std::vector<TrustedRoot>& roots) {
  for (const TrustedRoot& root : roots) {
    if (root.spki_sha384 == spki_sha384) return &root;
  }
  return nullptr;
}

// The candidates whose key is pinned. When there is none, says which keys came instead.
absl::StatusOr<std::vector<Certificate>> TrustedOnly(const std::vector<Certificate>& candidates,
                                                     const std::vector<TrustedRoot>& roots) {
  std::vector<Certificate> out;
  std::string others;
  for (const Certificate& candidate : candidates) {
    ASSIGN_OR_RETURN(const Bytes digest, candidate.SpkiDigest(crypto::HashAlgorithm::kSha384));
    if (FindPin(digest, roots) != nullptr) {
      out.push_back(candidate);
    } else {
      StrAppend(&others, others.empty() ? "" : ", ", candidate.subject_text(),
                " with key sha384:", HexEncode(digest));
    }
  }
  if (!out.empty()) return out;
  if (others.empty()) return absl::UnauthenticatedError("no root (ARK) certificate at hand");
  return absl::UnauthenticatedError(StrCat("no trusted root key; presented: ", others));
}

absl::StatusOr<std::vector<crypto::Crl>> ParseCrls(
    const std::vector<const CertificateEntry*>& entries) {
  std::vector<crypto::Crl> out;
  for (const CertificateEntry* entry : entries) {
    auto crl = crypto::Crl::FromDer(entry->data);
    if (!crl.ok()) return absl::UnauthenticatedError(StrCat("CRL: ", Message(crl.status())));
    out.push_back(*std::move(crl));
  }
  return out;
}

bool Lists(const crypto::Crl& crl, const Certificate& certificate) {
  const Bytes serial = certificate.serial();
  return serial != Bytes{0} && crl.IsRevoked(serial);
}

absl::Status Revoked(const Certificate& certificate) {
  return absl::UnauthenticatedError(StrCat(certificate.subject_text(), " is revoked (serial ",
                                           HexEncode(certificate.serial()), ")"));
}

}  // namespace

absl::StatusOr<VekChain> VerifyVekChain(const std::vector<CertificateEntry>& presented,
                                        CertificateKind leaf_kind, const SnpTrust& trust,
                                        int64_t now) {
  ASSIGN_OR_RETURN(const auto leaves, Parse(Select(presented, {}, {leaf_kind})));
  if (leaves.size() != 1) {
    return absl::UnauthenticatedError(StrCat(leaves.size(), " ", CertificateKindName(leaf_kind),
                                             " certificates in the evidence, not 1"));
  }
  crypto::ChainOptions options;
  options.time = now;
  ASSIGN_OR_RETURN(const auto arks,
                   Parse(Select(presented, trust.known_certificates, {CertificateKind::kArk})));
  ASSIGN_OR_RETURN(options.roots, TrustedOnly(arks, trust.roots));
  ASSIGN_OR_RETURN(options.intermediates,
                   Parse(Select(presented, trust.known_certificates,
                                {CertificateKind::kAsk, CertificateKind::kAsvk})));
  ASSIGN_OR_RETURN(const auto path, crypto::VerifyChain(leaves[0], options));
  if (path.size() != 3) {
    return absl::UnauthenticatedError(StrCat("a path of ", path.size(), " certificates, not 3"));
  }
  ASSIGN_OR_RETURN(const Bytes digest, path[2].SpkiDigest(crypto::HashAlgorithm::kSha384));
  const TrustedRoot* pin = FindPin(digest, trust.roots);
  if (pin == nullptr) return absl::UnauthenticatedError("the path ends in no trusted root");
  return VekChain{path[0], path[1], path[2], *pin};
}

absl::StatusOr<int> CheckRevocation(const VekChain& chain,
                                    const std::vector<CertificateEntry>& presented,
                                    const SnpTrust& trust, int64_t now) {
  ASSIGN_OR_RETURN(const auto crls,
                   ParseCrls(Select(presented, trust.known_certificates, {CertificateKind::kCrl})));
  int applied = 0;
  bool root_covered = false;
  for (const crypto::Crl& crl : crls) {
    const bool by_root = crl.IsFrom(chain.root);
    if (!by_root && !crl.IsFrom(chain.intermediate)) continue;  // another product's
    RETURN_IF_ERROR(crl.Verify(by_root ? chain.root : chain.intermediate, now));
    root_covered |= by_root;
    ++applied;
    if (by_root && crl.IsRevoked(chain.intermediate.serial())) return Revoked(chain.intermediate);
    if (Lists(crl, chain.leaf)) return Revoked(chain.leaf);
  }
  if (trust.require_crl && !root_covered) {
    return absl::UnauthenticatedError("no CRL of the root at hand, and one is required");
  }
  return applied;
}

}  // namespace nacre::tee::sev
