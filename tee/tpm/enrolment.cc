#include "tee/tpm/enrolment.h"

#include <algorithm>

#include "base/strings.h"
#include "crypto/random.h"
#include "tee/common/chain_refusal.h"
#include "tee/common/refusal_class.h"

namespace nacre::tee::tpm {
namespace {

constexpr const char* kExtendedKeyUsage = "2.5.29.37";
// tcg-kp-EKCertificate, 2.23.133.8.1, as DER.
constexpr uint8_t kEkUsage[] = {0x06, 0x05, 0x67, 0x81, 0x05, 0x08, 0x01};
constexpr size_t kSecretSize = 32;

// The one certificate at the beginning of an NV area.
absl::StatusOr<crypto::Certificate> CertificateOf(ByteView nv) {
  if (nv.size() > kMaxEkCertificate || nv.size() < 4 || nv[0] != 0x30 || nv[1] != 0x82) {
    return RefusedError(RefusalClass::kFormat, "endorsement key certificate: not DER");
  }
  const size_t size = 4 + (static_cast<size_t>(nv[2]) << 8 | nv[3]);
  const bool padded =
      size <= nv.size() && std::all_of(nv.begin() + static_cast<std::ptrdiff_t>(size), nv.end(),
                                       [](uint8_t byte) { return byte == 0x00 || byte == 0xff; });
  if (!padded) {
    return RefusedError(RefusalClass::kFormat, "endorsement key certificate: of a wrong size");
  }
  auto out = crypto::Certificate::FromDer(nv.first(size));
  if (!out.ok()) return WithClass(out.status(), RefusalClass::kFormat);
  return out;
}

// Usages are a SEQUENCE of OIDs: walked one by one, so that no usage hides in another.
bool IsForEndorsementKeys(ByteView usages) {
  ByteReader reader(usages);
  const auto tag = reader.U8("tag");
  const auto length = reader.U8("length");
  if (!tag.ok() || !length.ok() || *tag != 0x30 || *length != reader.remaining()) return false;
  while (!reader.done()) {
    const size_t start = reader.offset();
    const auto oid = reader.U8("tag");
    const auto size = reader.U8("length");
    if (!oid.ok() || !size.ok() || *oid != 0x06 || !reader.Skip(*size, "OID").ok()) return false;
    const ByteView one = usages.subspan(start, reader.offset() - start);
    if (std::ranges::equal(one, kEkUsage)) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<crypto::PublicKey> VerifyEkCertificate(ByteView certificate, const EkTrust& trust,
                                                      int64_t now) {
  ASSIGN_OR_RETURN(crypto::Certificate leaf, CertificateOf(certificate));
  crypto::ChainOptions options;
  options.roots = trust.roots;
  options.intermediates = trust.intermediates;
  options.time = now;
  ASSIGN_OR_RETURN(std::vector<crypto::Certificate> path, VerifyChainClassed(leaf, options),
                   "endorsement key");
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    bool covered = false;
    for (const crypto::Crl& crl : trust.crls) {
      if (!crl.IsFrom(path[i + 1])) continue;
      covered = true;
      RETURN_IF_ERROR(CheckNotRevoked(path[i], path[i + 1], crl, now), "endorsement key");
    }
    if (trust.require_crls && !covered) {
      return RefusedError(RefusalClass::kCrlMissing,
                          StrCat("endorsement key: no CRL of ", path[i + 1].subject_text()));
    }
  }
  const auto usages = leaf.Extension(kExtendedKeyUsage);
  if (!usages.ok() || !IsForEndorsementKeys(*usages)) {
    return RefusedError(RefusalClass::kAkBinding,
                        "endorsement key: the certificate is not for one (no extended key usage "
                        "tcg-kp-EKCertificate)");
  }
  return leaf.public_key();
}

absl::StatusOr<AkEnrolment> AkEnrolment::Begin(ByteView ek_certificate, ByteView ak_public,
                                               const EkTrust& trust, int64_t now) {
  ASSIGN_OR_RETURN(crypto::PublicKey ek, VerifyEkCertificate(ek_certificate, trust, now));
  ASSIGN_OR_RETURN(PublicArea ak, ParsePublicArea(ak_public), "attestation key");
  RETURN_IF_ERROR(CheckAttestationKey(ak));
  SecretBytes secret = crypto::RandomSecret(kSecretSize);
  ASSIGN_OR_RETURN(Credential challenge, MakeCredential(ek, ak.name, secret.view()));
  ASSIGN_OR_RETURN(crypto::Certificate leaf, CertificateOf(ek_certificate));
  return AkEnrolment(TrustedAk(StrCat("TPM endorsed by ", leaf.issuer_text()), ak.key),
                     std::move(secret), std::move(challenge));
}

absl::StatusOr<TrustedAk> AkEnrolment::Finish(ByteView answer) && {
  if (!ConstantTimeEqual(answer, secret_.view())) {
    return RefusedError(RefusalClass::kAkBinding,
                        "attestation key: the credential came back as something else; the TPM does "
                        "not hold both this key and the endorsement key");
  }
  return std::move(ak_);
}

}  // namespace nacre::tee::tpm
