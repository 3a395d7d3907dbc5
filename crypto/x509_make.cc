#include "crypto/x509_make.h"

#include <openssl/rsa.h>

#include "base/strings.h"
#include "crypto/openssl_util.h"
#include "crypto/random.h"

namespace nacre::crypto {
namespace {

using X509Ptr = std::unique_ptr<X509, Freer<X509_free>>;
using CrlPtr = std::unique_ptr<X509_CRL, Freer<X509_CRL_free>>;
using NamePtr = std::unique_ptr<X509_NAME, Freer<X509_NAME_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>>;
using Ia5Ptr = std::unique_ptr<ASN1_IA5STRING, Freer<ASN1_IA5STRING_free>>;
using OctetsPtr = std::unique_ptr<ASN1_OCTET_STRING, Freer<ASN1_OCTET_STRING_free>>;
using IntegerPtr = std::unique_ptr<ASN1_INTEGER, Freer<ASN1_INTEGER_free>>;
using TimePtr = std::unique_ptr<ASN1_TIME, Freer<ASN1_TIME_free>>;
using RevokedPtr = std::unique_ptr<X509_REVOKED, Freer<X509_REVOKED_free>>;

constexpr long kVersion3 = 2;  // versions count from 0 in the encoding
constexpr long kCrlVersion2 = 1;
constexpr size_t kMaxSerialSize = 20;  // RFC 5280 section 4.1.2.2

absl::Status Bad(std::string_view what) {
  return OpensslStatus(absl::StatusCode::kInvalidArgument, what);
}

bool IsPss(SignatureScheme scheme) {
  return scheme == SignatureScheme::kRsaPssSha256 || scheme == SignatureScheme::kRsaPssSha384;
}

HashAlgorithm HashOf(SignatureScheme scheme) {
  bool sha256 = scheme == SignatureScheme::kEcdsaSha256 || scheme == SignatureScheme::kRsaPssSha256;
  return sha256 ? HashAlgorithm::kSha256 : HashAlgorithm::kSha384;
}

// A context ready for X509_sign_ctx and X509_CRL_sign_ctx.
absl::StatusOr<MdCtxPtr> SigningContext(const PrivateKey& key, SignatureScheme scheme) {
  if (IsPss(scheme) != (key.kind() == KeyKind::kRsa)) {
    return absl::InvalidArgumentError("signing: the scheme does not fit the issuer's key");
  }
  MdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  const EVP_MD* hash = OpensslDigest(HashOf(scheme));
  if (!context ||
      EVP_DigestSignInit(context.get(), &key_context, hash, nullptr, key.handle()) != 1) {
    return Bad("signing");
  }
  if (IsPss(scheme) &&
      (EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) != 1 ||
       EVP_PKEY_CTX_set_rsa_mgf1_md(key_context, hash) != 1 ||
       EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) != 1)) {
    return Bad("signing with RSASSA-PSS");
  }
  return context;
}

absl::StatusOr<IntegerPtr> SerialNumber(ByteView serial) {
  if (serial.empty() || serial.size() > kMaxSerialSize) {
    return absl::InvalidArgumentError(StrCat("serial number of ", serial.size(), " bytes"));
  }
  BnPtr number(BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
  IntegerPtr out(number ? BN_to_ASN1_INTEGER(number.get(), nullptr) : nullptr);
  if (!out) return Bad("serial number");
  return out;
}

absl::StatusOr<NamePtr> MakeName(const NameParts& parts) {
  NamePtr name(X509_NAME_new());
  for (const auto& [attribute, value] : parts) {
    if (!name || X509_NAME_add_entry_by_txt(name.get(), attribute.c_str(), MBSTRING_UTF8,
                                            reinterpret_cast<const uint8_t*>(value.data()),
                                            static_cast<int>(value.size()), -1, 0) != 1) {
      return Bad(StrCat("subject attribute ", attribute));
    }
  }
  return name;
}

absl::StatusOr<TimePtr> MakeTime(int64_t unix_seconds) {
  TimePtr time(ASN1_TIME_set(nullptr, unix_seconds));
  if (!time) return Bad("time");
  return time;
}

// `value` is OpenSSL's extension language: only texts written in this file go in.
absl::Status AddExtension(X509* certificate, X509V3_CTX* context, int nid,
                          const std::string& value) {
  ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, context, nid, value.c_str()));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) {
    return Bad(StrCat("extension ", OBJ_nid2sn(nid)));
  }
  return absl::OkStatus();
}

absl::Status AddUsages(X509* certificate, X509V3_CTX* context, const CertificateRequest& request) {
  std::string constraints = request.is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE";
  if (request.is_ca && request.path_length)
    StrAppend(&constraints, ",pathlen:", *request.path_length);
  RETURN_IF_ERROR(AddExtension(certificate, context, NID_basic_constraints, constraints));
  RETURN_IF_ERROR(
      AddExtension(certificate, context, NID_key_usage,
                   request.is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature"));
  std::string extended;
  if (request.server_auth) extended = "serverAuth";
  if (request.client_auth) StrAppend(&extended, extended.empty() ? "" : ",", "clientAuth");
  if (!extended.empty()) {
    RETURN_IF_ERROR(AddExtension(certificate, context, NID_ext_key_usage, extended));
  }
  RETURN_IF_ERROR(AddExtension(certificate, context, NID_subject_key_identifier, "hash"));
  return AddExtension(certificate, context, NID_authority_key_identifier, "keyid");
}

// Built from objects, never through the extension language: names come from outside.
absl::Status AddAlternativeNames(X509* certificate, const CertificateRequest& request) {
  if (request.dns_names.empty() && request.ip_addresses.empty()) return absl::OkStatus();
  GeneralNamesPtr names(GENERAL_NAMES_new());
  auto add = [&names](int type, ASN1_STRING* value) {
    GENERAL_NAME* name = GENERAL_NAME_new();
    Must(name != nullptr && sk_GENERAL_NAME_push(names.get(), name) > 0, "GENERAL_NAME");
    GENERAL_NAME_set0_value(name, type, value);
  };
  for (const std::string& dns : request.dns_names) {
    Ia5Ptr value(ASN1_IA5STRING_new());
    if (dns.empty() || dns.find('\0') != std::string::npos ||
        ASN1_STRING_set(value.get(), dns.data(), static_cast<int>(dns.size())) != 1) {
      return absl::InvalidArgumentError(StrCat("DNS name '", dns, "'"));
    }
    add(GEN_DNS, value.release());
  }
  for (const std::string& ip : request.ip_addresses) {
    OctetsPtr value(a2i_IPADDRESS(ip.c_str()));
    if (!value) return Bad(StrCat("IP address '", ip, "'"));
    add(GEN_IPADD, value.release());
  }
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) != 1) {
    return Bad("alternative names");
  }
  return absl::OkStatus();
}

absl::Status AddCustom(X509* certificate, const CustomExtension& custom) {
  ObjectPtr object(OBJ_txt2obj(custom.oid.c_str(), 1));
  OctetsPtr value(ASN1_OCTET_STRING_new());
  if (!object || !value ||
      ASN1_OCTET_STRING_set(value.get(), custom.der.data(), static_cast<int>(custom.der.size())) !=
          1) {
    return Bad(StrCat("extension ", custom.oid));
  }
  ExtensionPtr extension(
      X509_EXTENSION_create_by_OBJ(nullptr, object.get(), custom.critical ? 1 : 0, value.get()));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) {
    return Bad(StrCat("extension ", custom.oid));
  }
  return absl::OkStatus();
}

absl::Status FillBody(X509* certificate, const CertificateRequest& request,
                      const PublicKey& subject_key, const X509* issuer) {
  Bytes serial = request.serial;
  if (serial.empty()) {
    serial = RandomBytes(16);
    serial[0] = static_cast<uint8_t>((serial[0] & 0x7f) | 0x40);  // positive, always 16 bytes
  }
  ASSIGN_OR_RETURN(IntegerPtr number, SerialNumber(serial));
  ASSIGN_OR_RETURN(NamePtr subject, MakeName(request.subject));
  ASSIGN_OR_RETURN(TimePtr not_before, MakeTime(request.not_before));
  ASSIGN_OR_RETURN(TimePtr not_after, MakeTime(request.not_after));
  const X509_NAME* issuer_name = issuer == nullptr ? subject.get() : X509_get_subject_name(issuer);
  if (X509_set_version(certificate, kVersion3) != 1 ||
      X509_set_serialNumber(certificate, number.get()) != 1 ||
      X509_set_subject_name(certificate, subject.get()) != 1 ||
      X509_set_issuer_name(certificate, issuer_name) != 1 ||
      X509_set1_notBefore(certificate, not_before.get()) != 1 ||
      X509_set1_notAfter(certificate, not_after.get()) != 1 ||
      X509_set_pubkey(certificate, subject_key.handle()) != 1) {
    return Bad("certificate fields");
  }
  return absl::OkStatus();
}

absl::Status AddRevoked(X509_CRL* crl, ByteView serial, const ASN1_TIME* when) {
  ASSIGN_OR_RETURN(IntegerPtr number, SerialNumber(serial));
  RevokedPtr entry(X509_REVOKED_new());
  if (!entry || X509_REVOKED_set_serialNumber(entry.get(), number.get()) != 1 ||
      X509_REVOKED_set_revocationDate(entry.get(), const_cast<ASN1_TIME*>(when)) != 1 ||
      X509_CRL_add0_revoked(crl, entry.get()) != 1) {
    return Bad("CRL entry");
  }
  (void)entry.release();
  return absl::OkStatus();
}

X509Ptr OpensslCertificate(const Certificate& certificate) {
  const uint8_t* cursor = certificate.der().data();
  X509Ptr out(d2i_X509(nullptr, &cursor, static_cast<long>(certificate.der().size())));
  Must(out != nullptr, "d2i_X509");
  return out;
}

template <typename T>
Bytes ToDer(T* object, int (*encode)(const T*, uint8_t**)) {
  uint8_t* data = nullptr;
  int size = encode(object, &data);
  Must(size > 0, "DER encoding");
  Bytes out(data, data + size);
  OPENSSL_free(data);
  return out;
}

}  // namespace

absl::StatusOr<Certificate> MakeCertificate(const CertificateRequest& request,
                                            const PublicKey& subject_key, const Certificate* issuer,
                                            const PrivateKey& issuer_key, SignatureScheme scheme) {
  if (issuer == nullptr && !(subject_key == issuer_key.public_key())) {
    return absl::InvalidArgumentError("certificate: self-signed with another key");
  }
  ASSIGN_OR_RETURN(MdCtxPtr signing, SigningContext(issuer_key, scheme));
  X509Ptr certificate(X509_new());
  Must(certificate != nullptr, "X509_new");
  const X509Ptr other = issuer == nullptr ? nullptr : OpensslCertificate(*issuer);
  X509* issuer_x509 = other == nullptr ? certificate.get() : other.get();
  RETURN_IF_ERROR(FillBody(certificate.get(), request, subject_key, other.get()));
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer_x509, certificate.get(), nullptr, nullptr, 0);
  RETURN_IF_ERROR(AddUsages(certificate.get(), &context, request));
  RETURN_IF_ERROR(AddAlternativeNames(certificate.get(), request));
  for (const CustomExtension& custom : request.extensions) {
    RETURN_IF_ERROR(AddCustom(certificate.get(), custom));
  }
  if (X509_sign_ctx(certificate.get(), signing.get()) <= 0) return Bad("signing a certificate");
  return Certificate::FromDer(ToDer<X509>(certificate.get(), i2d_X509));
}

absl::StatusOr<Bytes> MakeCrlDer(const CrlRequest& request, const Certificate& issuer,
                                 const PrivateKey& issuer_key, SignatureScheme scheme) {
  ASSIGN_OR_RETURN(MdCtxPtr signing, SigningContext(issuer_key, scheme));
  ASSIGN_OR_RETURN(TimePtr this_update, MakeTime(request.this_update));
  ASSIGN_OR_RETURN(TimePtr next_update, MakeTime(request.next_update));
  CrlPtr crl(X509_CRL_new());
  if (!crl || X509_CRL_set_version(crl.get(), kCrlVersion2) != 1 ||
      X509_CRL_set_issuer_name(crl.get(),
                               X509_get_subject_name(OpensslCertificate(issuer).get())) != 1 ||
      X509_CRL_set1_lastUpdate(crl.get(), this_update.get()) != 1 ||
      X509_CRL_set1_nextUpdate(crl.get(), next_update.get()) != 1) {
    return Bad("CRL fields");
  }
  for (const Bytes& serial : request.revoked_serials) {
    RETURN_IF_ERROR(AddRevoked(crl.get(), serial, this_update.get()));
  }
  X509_CRL_sort(crl.get());
  if (X509_CRL_sign_ctx(crl.get(), signing.get()) <= 0) return Bad("signing a CRL");
  return ToDer<X509_CRL>(crl.get(), i2d_X509_CRL);
}

}  // namespace nacre::crypto
