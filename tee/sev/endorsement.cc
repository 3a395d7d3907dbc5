// Three RSA-4096 verifications and the reading of four certificates cost about as much as the one
// P-384 verification of the report itself, and their outcome is the same for every report of a
// machine until a date passes. So a good outcome may be kept. The key of the cache is a digest of
// every byte the outcome depends on: finding an entry means that the very same question was asked
// before, and no invalidation is needed.

#include "tee/sev/endorsement.h"

#include <algorithm>

#include "base/strings.h"
#include "crypto/digest.h"

namespace nacre::tee::sev {
namespace {

constexpr std::string_view kChain = "certificate chain";
constexpr std::string_view kRevocation = "revocation";
constexpr std::string_view kSigningKey = "signing key";
constexpr std::string_view kExtensions = "certificate extensions";
constexpr std::string_view kWantChain = "a path to a trusted root";
constexpr std::string_view kWantRevocation = "not revoked";
constexpr std::string_view kWantExtensions = "AMD's VCEK or VLEK extensions";

// Every item with its length before it, so that no two lists give the same bytes.
class KeyHasher {
 public:
  KeyHasher& Put(ByteView bytes) {
    Put(bytes.size());
    hasher_.Update(bytes);
    return *this;
  }
  KeyHasher& Put(uint64_t number) {
    uint8_t raw[8];
    for (int i = 0; i < 8; ++i) raw[i] = static_cast<uint8_t>(number >> (8 * i));
    hasher_.Update(raw);
    return *this;
  }
  KeyHasher& Put(const std::vector<CertificateEntry>& entries) {
    Put(entries.size());
    for (const CertificateEntry& entry : entries) {
      Put(static_cast<uint64_t>(entry.kind)).Put(ByteView(entry.data));
    }
    return *this;
  }
  std::string Finish() { return ToString(hasher_.Finish()); }

 private:
  crypto::Hasher hasher_{crypto::HashAlgorithm::kSha256};
};

class EndorsementChecks {
 public:
  EndorsementChecks(const std::vector<CertificateEntry>& presented, CertificateKind leaf_kind,
                    const SnpTrust& trust, int64_t now, Appraisal* appraisal)
      : presented_(presented),
        leaf_kind_(leaf_kind),
        trust_(trust),
        now_(now),
        appraisal_(*appraisal) {}

  std::shared_ptr<const Endorsement> Run() {
    auto chain = VerifyVekChain(presented_, leaf_kind_, trust_, now_);
    if (!chain.ok()) return Refuse(RefusalClass::kChain, kChain, kWantChain, chain.status());
    AddChain(*chain);
    auto revocation = CheckRevocation(*chain, presented_, trust_, now_);
    if (!revocation.ok()) {
      return Refuse(RefusalClass::kRevoked, kRevocation, kWantRevocation, revocation.status());
    }
    AddRevocation(*revocation);
    if (!AddKind(*chain)) return nullptr;
    auto extensions = ReadVekExtensions(chain->leaf, chain->trusted.product);
    if (!extensions.ok()) {
      return Refuse(RefusalClass::kTcbMismatch, kExtensions, kWantExtensions, extensions.status());
    }
    auto key = chain->leaf.public_key();
    if (!key.ok()) return Refuse(RefusalClass::kFormat, kExtensions, "a P-384 key", key.status());
    AddExtensions(*extensions);
    return Assemble(*std::move(chain), *revocation, *std::move(extensions), *std::move(key));
  }

  void AddAll(const Endorsement& endorsement) {
    AddChain(endorsement.chain);
    AddRevocation(endorsement.revocation);
    AddKind(endorsement.chain);
    AddExtensions(endorsement.extensions);
  }

 private:
  std::nullptr_t Refuse(RefusalClass otherwise, std::string_view name, std::string_view expected,
                        const absl::Status& status) {
    appraisal_.AddError(otherwise, name, expected, status);
    return nullptr;
  }

  void AddChain(const VekChain& chain) {
    appraisal_.root = chain.trusted.name;
    appraisal_.emulated = chain.trusted.emulated;
    appraisal_.Add(kChain, true, kWantChain, chain.trusted.name);
  }

  void AddRevocation(const Revocation& revocation) {
    appraisal_.Add(kRevocation, true, kWantRevocation,
                   StrCat(revocation.applied, revocation.applied == 1 ? " CRL" : " CRLs",
                          " applied", revocation.zero_listed ? " (serial 0 is listed)" : ""));
  }

  // The report says which kind of key signed it; leaf and intermediate must be of that kind.
  bool AddKind(const VekChain& chain) {
    const bool vlek = leaf_kind_ == CertificateKind::kVlek;
    const std::string_view product = ProductName(chain.trusted.product);
    const std::string expected =
        StrCat(vlek ? kVlekName : kVcekName, " under ", vlek ? "SEV-VLEK-" : "SEV-", product);
    const std::string got = StrCat(chain.leaf.subject_common_name().value_or("?"), " under ",
                                   chain.intermediate.subject_common_name().value_or("?"));
    return appraisal_.Add(RefusalClass::kKeyType, kSigningKey, got == expected, expected, got);
  }

  void AddExtensions(const VekExtensions& extensions) {
    appraisal_.Add(kExtensions, true, kWantExtensions, StrCat("for ", extensions.product_name));
  }

  std::shared_ptr<const Endorsement> Assemble(VekChain chain, const Revocation& revocation,
                                              VekExtensions extensions, crypto::PublicKey key) {
    int64_t from = revocation.not_before;
    int64_t until = revocation.not_after;
    for (const crypto::Certificate* certificate : {&chain.leaf, &chain.intermediate, &chain.root}) {
      from = std::max(from, certificate->not_before());
      until = std::min(until, certificate->not_after());
    }
    return std::make_shared<const Endorsement>(Endorsement{
        std::move(chain), revocation, std::move(extensions), std::move(key), from, until});
  }

  const std::vector<CertificateEntry>& presented_;
  const CertificateKind leaf_kind_;
  const SnpTrust& trust_;
  const int64_t now_;
  Appraisal& appraisal_;
};

}  // namespace

std::string EndorsementCache::Key(const std::vector<CertificateEntry>& presented,
                                  CertificateKind leaf_kind, const SnpTrust& trust) {
  KeyHasher hasher;
  hasher.Put(static_cast<uint64_t>(leaf_kind)).Put(presented).Put(trust.known_certificates);
  hasher.Put(trust.require_crl ? 1 : 0).Put(trust.roots.size());
  for (const TrustedRoot& root : trust.roots) {
    hasher.Put(AsBytes(root.name)).Put(static_cast<uint64_t>(root.product));
    hasher.Put(ByteView(root.spki_sha384)).Put(root.emulated ? 1 : 0);
  }
  return hasher.Finish();
}

std::shared_ptr<const Endorsement> VerifyEndorsement(const std::vector<CertificateEntry>& presented,
                                                     CertificateKind leaf_kind,
                                                     const SnpTrust& trust, int64_t now,
                                                     EndorsementCache* cache,
                                                     Appraisal* appraisal) {
  EndorsementChecks checks(presented, leaf_kind, trust, now, appraisal);
  if (cache == nullptr) return checks.Run();
  const std::string key = EndorsementCache::Key(presented, leaf_kind, trust);
  if (auto known = cache->Find(key, now)) {
    checks.AddAll(*known);
    return known;
  }
  auto endorsement = checks.Run();
  if (endorsement != nullptr) cache->Store(key, endorsement);
  return endorsement;
}

}  // namespace nacre::tee::sev
