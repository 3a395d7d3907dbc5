#include "crypto/crl.h"

#include <openssl/pem.h>

#include "base/strings.h"
#include "crypto/openssl_util.h"
#include "crypto/x509_internal.h"

namespace nacre::crypto {
namespace {

// A critical extension changes what the list means (which certificates, which issuer, which part).
absl::Status RefuseCritical(const STACK_OF(X509_EXTENSION) * extensions) {
  for (int i = 0; i < sk_X509_EXTENSION_num(extensions); ++i) {
    X509_EXTENSION* extension = sk_X509_EXTENSION_value(extensions, i);
    if (X509_EXTENSION_get_critical(extension) == 0) continue;
    char oid[80];
    OBJ_obj2txt(oid, sizeof oid, X509_EXTENSION_get_object(extension), 1);
    return absl::InvalidArgumentError(StrCat("CRL: critical extension ", oid));
  }
  return absl::OkStatus();
}

absl::Status CheckExtensions(X509_CRL* crl) {
  RETURN_IF_ERROR(RefuseCritical(X509_CRL_get0_extensions(crl)));
  STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(crl);
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    RETURN_IF_ERROR(
        RefuseCritical(X509_REVOKED_get0_extensions(sk_X509_REVOKED_value(entries, i))));
  }
  return absl::OkStatus();
}

absl::Status CheckDigest(const X509_CRL* crl) {
  int digest = NID_undef;
  OBJ_find_sigid_algs(X509_CRL_get_signature_nid(crl), &digest, nullptr);
  if (digest == NID_sha1 || digest == NID_md5) {
    return absl::UnauthenticatedError("CRL: signed with a broken digest");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Crl> Crl::FromDer(ByteView der) {
  if (der.size() > kMaxCrlSize) {
    return absl::InvalidArgumentError(
        StrCat("CRL: ", der.size(), " bytes, the limit is ", kMaxCrlSize));
  }
  const uint8_t* cursor = der.data();
  std::shared_ptr<X509_CRL> crl(d2i_X509_CRL(nullptr, &cursor, static_cast<long>(der.size())),
                                X509_CRL_free);
  if (!crl) return OpensslStatus(absl::StatusCode::kInvalidArgument, "CRL: not DER of a CRL");
  if (cursor != der.data() + der.size()) {
    return absl::InvalidArgumentError("CRL: bytes after the DER");
  }
  RETURN_IF_ERROR(CheckExtensions(crl.get()));
  return Crl(std::move(crl));
}

absl::StatusOr<Crl> Crl::FromPem(std::string_view pem) {
  ASSIGN_OR_RETURN(std::vector<Bytes> blocks, PemBlocks(pem, PEM_STRING_X509_CRL, 1, kMaxCrlSize));
  return FromDer(blocks[0]);
}

std::string Crl::issuer_text() const { return NameText(X509_CRL_get_issuer(crl_.get())); }

bool Crl::IsFrom(const Certificate& issuer) const {
  return X509_NAME_cmp(X509_CRL_get_issuer(crl_.get()), X509_get_subject_name(issuer.handle())) ==
         0;
}

int64_t Crl::this_update() const { return ToUnixTime(X509_CRL_get0_lastUpdate(crl_.get())); }

std::optional<int64_t> Crl::next_update() const {
  const ASN1_TIME* time = X509_CRL_get0_nextUpdate(crl_.get());
  if (time == nullptr) return std::nullopt;
  return ToUnixTime(time);
}

absl::Status Crl::Verify(const Certificate& issuer, int64_t time) const {
  std::string who = StrCat("CRL of ", issuer_text());
  if (!IsFrom(issuer)) {
    return absl::UnauthenticatedError(StrCat(who, ": not of ", issuer.subject_text()));
  }
  // X509_get_key_usage gives all bits when the extension is absent.
  if ((X509_get_key_usage(issuer.handle()) & KU_CRL_SIGN) == 0) {
    return absl::UnauthenticatedError(StrCat(who, ": its issuer may not sign CRLs"));
  }
  RETURN_IF_ERROR(CheckDigest(crl_.get()));
  if (X509_CRL_verify(crl_.get(), X509_get0_pubkey(issuer.handle())) != 1) {
    return OpensslStatus(absl::StatusCode::kUnauthenticated,
                         StrCat(who, ": signature does not verify"));
  }
  if (time < this_update()) {
    return WithTimeProblem(
        absl::UnauthenticatedError(StrCat(who, ": valid from ", FormatTime(this_update()))),
        TimeProblem::kNotYetValid);
  }
  std::optional<int64_t> next = next_update();
  if (!next) return absl::UnauthenticatedError(StrCat(who, ": has no nextUpdate"));
  if (time >= *next) {
    return WithTimeProblem(
        absl::UnauthenticatedError(StrCat(who, ": out of date since ", FormatTime(*next))),
        TimeProblem::kExpired);
  }
  return absl::OkStatus();
}

bool Crl::IsRevoked(ByteView serial) const {
  BnPtr number(BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
  std::unique_ptr<ASN1_INTEGER, Freer<ASN1_INTEGER_free>> wanted(
      BN_to_ASN1_INTEGER(number.get(), nullptr));
  Must(number && wanted, "BN_to_ASN1_INTEGER");
  X509_REVOKED* entry = nullptr;
  return X509_CRL_get0_by_serial(crl_.get(), &entry, wanted.get()) != 0;
}

size_t Crl::revoked_count() const {
  int count = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl_.get()));
  return count < 0 ? 0 : static_cast<size_t>(count);
}

}  // namespace nacre::crypto
