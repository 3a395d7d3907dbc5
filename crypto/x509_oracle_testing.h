// For tests: OpenSSL as a second reader. What our reader accepts OpenSSL must accept too, and both
// must read the same.
#pragma once

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <time.h>

#include <algorithm>
#include <memory>
#include <string>

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/crl.h"
#include "crypto/der.h"
#include "crypto/openssl_util.h"
#include "crypto/x509.h"
#include "crypto/x509_fields.h"

namespace nacre::crypto::oracle {

inline int64_t UnixTime(const ASN1_TIME* time) {
  tm parts = {};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? timegm(&parts) : -1;
}

inline Bytes Serial(const ASN1_INTEGER* serial) {
  BnPtr number(ASN1_INTEGER_to_BN(serial, nullptr));
  if (!number || BN_is_negative(number.get())) return {};
  if (BN_is_zero(number.get())) return {0};
  Bytes out(static_cast<size_t>(BN_num_bytes(number.get())));
  BN_bn2bin(number.get(), out.data());
  return out;
}

template <typename T>
Bytes Der(const T* object, int (*encode)(const T*, uint8_t**)) {
  uint8_t* data = nullptr;
  const int size = encode(object, &data);
  Bytes out;
  if (size > 0) out.assign(data, data + size);
  OPENSSL_free(data);
  return out;
}

inline std::string NameText(const X509_NAME* name) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
  return ToString(BioContents(bio.get()));
}

inline ByteView View(const ASN1_STRING* string) {
  return {ASN1_STRING_get0_data(string), static_cast<size_t>(ASN1_STRING_length(string))};
}

inline bool Same(ByteView a, ByteView b) { return std::ranges::equal(a, b); }

inline std::string CompareExtensions(const Certificate& ours, const X509* theirs) {
  const auto& extensions = ours.fields().extensions;
  if (static_cast<int>(extensions.size()) != X509_get_ext_count(theirs)) return "extension count";
  for (size_t i = 0; i < extensions.size(); ++i) {
    X509_EXTENSION* other = X509_get_ext(theirs, static_cast<int>(i));
    const ASN1_OBJECT* oid = X509_EXTENSION_get_object(other);
    const ByteView oid_value(OBJ_get0_data(oid), OBJ_length(oid));
    if (!Same(oid_value, extensions[i].oid) ||
        !Same(View(X509_EXTENSION_get_data(other)), extensions[i].value) ||
        (X509_EXTENSION_get_critical(other) != 0) != extensions[i].critical) {
      return StrCat("extension ", i);
    }
  }
  return "";
}

inline std::string ComparePathFields(const Certificate& ours, X509* theirs) {
  const PathFields& path = ours.fields().path;
  const uint32_t flags = X509_get_extension_flags(theirs);
  if ((flags & EXFLAG_INVALID) != 0) return "OpenSSL calls an extension malformed";
  if (((flags & EXFLAG_CA) != 0) != path.is_ca) return "CA";
  const long length = X509_get_pathlen(theirs);
  if (path.is_ca && length != (path.path_length ? static_cast<long>(*path.path_length) : -1)) {
    return "path length";
  }
  if ((flags & EXFLAG_CRITICAL) != 0 && !path.unknown_critical) return "critical extension";
  const bool has_usage = (flags & EXFLAG_KUSAGE) != 0;
  if (has_usage != path.key_usage.has_value()) return "key usage";
  if (has_usage) {
    const uint32_t usage = X509_get_key_usage(theirs);
    if (((usage & KU_KEY_CERT_SIGN) != 0) != ((*path.key_usage & kUsageCertificateSign) != 0) ||
        ((usage & KU_CRL_SIGN) != 0) != ((*path.key_usage & kUsageCrlSign) != 0)) {
      return "key usage bits";
    }
  }
  const ASN1_OCTET_STRING* id = X509_get0_subject_key_id(theirs);
  if ((id != nullptr) != path.subject_key_id.has_value()) return "subject key identifier";
  if (id != nullptr && !Same(View(id), *path.subject_key_id)) return "subject key identifier";
  id = X509_get0_authority_key_id(theirs);
  if ((id != nullptr) != path.authority_key_id.has_value()) return "authority key identifier";
  if (id != nullptr && !Same(View(id), *path.authority_key_id)) return "authority key identifier";
  const ASN1_INTEGER* serial = X509_get0_authority_serial(theirs);
  if ((serial != nullptr) != path.authority_serial.has_value()) return "authority serial";
  if (serial != nullptr && !Same(Serial(serial), *path.authority_serial)) return "authority serial";
  return "";
}

// "" when both read the same, and otherwise what they disagree about.
inline std::string Compare(const Certificate& ours) {
  const Bytes& der = ours.der();
  const uint8_t* cursor = der.data();
  std::unique_ptr<X509, Freer<X509_free>> theirs(
      d2i_X509(nullptr, &cursor, static_cast<long>(der.size())));
  ERR_clear_error();
  if (!theirs || cursor != der.data() + der.size()) return "OpenSSL refuses the certificate";
  X509_check_purpose(theirs.get(), -1, 0);  // reads the extensions
  ERR_clear_error();
  const CertificateFields& fields = ours.fields();
  if (Serial(X509_get0_serialNumber(theirs.get())) != ours.serial()) return "serial number";
  if (UnixTime(X509_get0_notBefore(theirs.get())) != ours.not_before()) return "not before";
  if (UnixTime(X509_get0_notAfter(theirs.get())) != ours.not_after()) return "not after";
  if (!Same(Der(X509_get_subject_name(theirs.get()), i2d_X509_NAME), fields.subject)) {
    return "subject";
  }
  if (!Same(Der(X509_get_issuer_name(theirs.get()), i2d_X509_NAME), fields.issuer)) return "issuer";
  if (!Same(Der(X509_get_X509_PUBKEY(theirs.get()), i2d_X509_PUBKEY), fields.public_key)) {
    return "public key";
  }
  const ASN1_BIT_STRING* signature = nullptr;
  X509_get0_signature(&signature, nullptr, theirs.get());
  if (!Same(View(signature), fields.signature)) return "signature";
  const auto key = ours.public_key();
  EVP_PKEY* their_key = X509_get0_pubkey(theirs.get());
  ERR_clear_error();
  if (key.ok() && (their_key == nullptr || EVP_PKEY_eq(key->handle(), their_key) != 1)) {
    return "decoded key";
  }
  const std::string extensions = CompareExtensions(ours, theirs.get());
  return extensions.empty() ? ComparePathFields(ours, theirs.get()) : extensions;
}

// That OpenSSL too finds the signature good, where ours did.
inline bool Verifies(const Certificate& certificate, const Certificate& issuer) {
  const uint8_t* cursor = certificate.der().data();
  std::unique_ptr<X509, Freer<X509_free>> theirs(
      d2i_X509(nullptr, &cursor, static_cast<long>(certificate.der().size())));
  const auto key = issuer.public_key();
  const bool good = theirs && key.ok() && X509_verify(theirs.get(), key->handle()) == 1;
  ERR_clear_error();
  return good;
}

inline std::string Compare(const Crl& ours, ByteView der) {
  const uint8_t* cursor = der.data();
  std::unique_ptr<X509_CRL, Freer<X509_CRL_free>> theirs(
      d2i_X509_CRL(nullptr, &cursor, static_cast<long>(der.size())));
  ERR_clear_error();
  if (!theirs || cursor != der.data() + der.size()) return "OpenSSL refuses the CRL";
  if (UnixTime(X509_CRL_get0_lastUpdate(theirs.get())) != ours.this_update()) return "this update";
  const ASN1_TIME* next = X509_CRL_get0_nextUpdate(theirs.get());
  if ((next != nullptr) != ours.next_update().has_value()) return "next update";
  if (next != nullptr && UnixTime(next) != *ours.next_update()) return "next update";
  const int count = std::max(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(theirs.get())), 0);
  if (static_cast<size_t>(count) != ours.revoked_count()) return "count of entries";
  for (int i = 0; i < count; ++i) {
    const X509_REVOKED* entry = sk_X509_REVOKED_value(X509_CRL_get_REVOKED(theirs.get()), i);
    if (!ours.IsRevoked(Serial(X509_REVOKED_get0_serialNumber(entry)))) return StrCat("entry ", i);
  }
  return "";
}

}  // namespace nacre::crypto::oracle
