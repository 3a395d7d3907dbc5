#include "tee/sev/chain.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/crl.h"
#include "tee/common/refusal_class.h"

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
      return RefusedError(RefusalClass::kFormat, StrCat(CertificateKindName(entry->kind), ": ",
                                                        Message(certificate.status())));
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
    const Bytes digest = candidate.SpkiDigest(crypto::HashAlgorithm::kSha384);
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
    if (!crl.ok()) return WithClass(crl.status(), RefusalClass::kFormat);
    out.push_back(*std::move(crl));
  }
  return out;
}

absl::Status Revoked(const Certificate& certificate) {
  return RefusedError(RefusalClass::kRevoked,
                      StrCat(certificate.subject_text(), " is revoked (serial ",
                             HexEncode(certificate.serial()), ")"));
}

// One CRL of a CA of the chain: signed, current, and silent about the chain.
absl::Status Apply(const crypto::Crl& crl, bool by_root, const VekChain& chain, int64_t now,
                   Revocation* out) {
  const absl::Status valid = crl.Verify(by_root ? chain.root : chain.intermediate, now);
  if (!valid.ok()) {
    const bool late = crypto::TimeProblemOf(valid) != crypto::TimeProblem::kNone;
    return WithClass(valid, late ? RefusalClass::kCrlExpired : RefusalClass::kCrlSignature);
  }
  ++out->applied;
  out->not_before = std::max(out->not_before, crl.this_update());
  out->not_after = std::min(out->not_after, crl.next_update().value_or(now));
  if (by_root) {
    for (const Certificate* ca : {&chain.root, &chain.intermediate}) {
      if (crl.IsRevoked(ca->serial())) return Revoked(*ca);
    }
  }
  const Bytes serial = chain.leaf.serial();
  if (!crl.IsRevoked(serial)) return absl::OkStatus();
  if (!by_root || serial != Bytes{0}) return Revoked(chain.leaf);
  out->zero_listed = true;
  return absl::OkStatus();
}

// The leaf of the kind asked for; there must be exactly one.
absl::StatusOr<Certificate> OnlyLeaf(const std::vector<CertificateEntry>& presented,
                                     CertificateKind kind) {
  const auto leaves = Select(presented, {}, {kind});
  if (leaves.size() == 1) {
    ASSIGN_OR_RETURN(auto parsed, Parse(leaves));
    return std::move(parsed[0]);
  }
  const auto other =
      kind == CertificateKind::kVcek ? CertificateKind::kVlek : CertificateKind::kVcek;
  if (leaves.empty() && !Select(presented, {}, {other}).empty()) {
    return RefusedError(RefusalClass::kKeyType,
                        StrCat("the report is signed by a ", CertificateKindName(kind),
                               ", but the evidence brings a ", CertificateKindName(other)));
  }
  return absl::UnauthenticatedError(StrCat(leaves.size(), " ", CertificateKindName(kind),
                                           " certificates in the evidence, not 1"));
}

RefusalClass ClassOfChainFailure(const absl::Status& status) {
  switch (crypto::TimeProblemOf(status)) {
    case crypto::TimeProblem::kExpired:
      return RefusalClass::kExpired;
    case crypto::TimeProblem::kNotYetValid:
      return RefusalClass::kNotYetValid;
    case crypto::TimeProblem::kNone:
      break;
  }
  return RefusalClass::kChain;
}

absl::StatusOr<VekChain> FindChain(const std::vector<CertificateEntry>& presented,
                                   CertificateKind leaf_kind, const SnpTrust& trust, int64_t now) {
  ASSIGN_OR_RETURN(const Certificate leaf, OnlyLeaf(presented, leaf_kind));
  crypto::ChainOptions options;
  options.time = now;
  ASSIGN_OR_RETURN(const auto arks,
                   Parse(Select(presented, trust.known_certificates, {CertificateKind::kArk})));
  ASSIGN_OR_RETURN(options.roots, TrustedOnly(arks, trust.roots));
  ASSIGN_OR_RETURN(options.intermediates,
                   Parse(Select(presented, trust.known_certificates,
                                {CertificateKind::kAsk, CertificateKind::kAsvk})));
  ASSIGN_OR_RETURN(const auto path, crypto::VerifyChain(leaf, options));
  if (path.size() != 3) {
    return absl::UnauthenticatedError(StrCat("a path of ", path.size(), " certificates, not 3"));
  }
  const Bytes digest = path[2].SpkiDigest(crypto::HashAlgorithm::kSha384);
  const TrustedRoot* pin = FindPin(digest, trust.roots);
  if (pin == nullptr) return absl::UnauthenticatedError("the path ends in no trusted root");
  return VekChain{path[0], path[1], path[2], *pin};
}

}  // namespace

absl::StatusOr<VekChain> VerifyVekChain(const std::vector<CertificateEntry>& presented,
                                        CertificateKind leaf_kind, const SnpTrust& trust,
                                        int64_t now) {
  auto chain = FindChain(presented, leaf_kind, trust, now);
  if (!chain.ok()) return WithClass(chain.status(), ClassOfChainFailure(chain.status()));
  return chain;
}

absl::StatusOr<Revocation> CheckRevocation(const VekChain& chain,
                                           const std::vector<CertificateEntry>& presented,
                                           const SnpTrust& trust, int64_t now) {
  ASSIGN_OR_RETURN(const auto crls,
                   ParseCrls(Select(presented, trust.known_certificates, {CertificateKind::kCrl})));
  Revocation out;
  bool root_covered = false;
  for (const crypto::Crl& crl : crls) {
    const bool by_root = crl.IsFrom(chain.root);
    if (!by_root && !crl.IsFrom(chain.intermediate)) continue;  // another product's
    RETURN_IF_ERROR(Apply(crl, by_root, chain, now, &out));
    root_covered |= by_root;
  }
  if (trust.require_crl && !root_covered) {
    return RefusedError(RefusalClass::kCrlMissing,
                        "no CRL of the root at hand, and one is required");
  }
  return out;
}

}  // namespace nacre::tee::sev
