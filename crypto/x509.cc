#include "crypto/x509.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <time.h>

#include <algorithm>

#include "absl/strings/cord.h"
#include "base/strings.h"
#include "crypto/crl.h"
#include "crypto/openssl_util.h"
#include "crypto/x509_internal.h"

namespace nacre::crypto {
namespace {

constexpr char kTimeProblemUrl[] = "nacre.dev/certificate-time";
constexpr std::string_view kExpiredPayload = "expired";
constexpr std::string_view kNotYetValidPayload = "not-yet-valid";

absl::StatusOr<std::string> CommonName(const X509_NAME* name, std::string_view whose) {
  int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (index < 0) return std::string();
  if (X509_NAME_get_index_by_NID(name, NID_commonName, index) >= 0) {
    return absl::InvalidArgumentError(StrCat("certificate: ", whose, " has several common names"));
  }
  uint8_t* data = nullptr;
  int size = ASN1_STRING_to_UTF8(&data, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  if (size < 0) {
    return OpensslStatus(absl::StatusCode::kInvalidArgument,
                         StrCat("certificate: common name of ", whose));
  }
  std::string out(reinterpret_cast<char*>(data), static_cast<size_t>(size));
  OPENSSL_free(data);
  if (out.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(
        StrCat("certificate: common name of ", whose, " holds a zero byte"));
  }
  return out;
}

struct PemBlock {
  std::string label;
  Bytes der;
};

// The next PEM block, or nothing at the end of the text.
absl::StatusOr<std::optional<PemBlock>> NextPemBlock(BIO* bio) {
  char* label = nullptr;
  char* header = nullptr;
  uint8_t* data = nullptr;
  long size = 0;
  if (PEM_read_bio(bio, &label, &header, &data, &size) != 1) {
    if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
      ERR_clear_error();
      return std::nullopt;
    }
    return OpensslStatus(absl::StatusCode::kInvalidArgument, "PEM");
  }
  PemBlock block{label, Bytes(data, data + size)};
  OPENSSL_free(label);
  OPENSSL_free(header);
  OPENSSL_free(data);
  return block;
}

}  // namespace

int64_t ToUnixTime(const ASN1_TIME* time) {
  tm parts = {};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return timegm(&parts);
}

std::string NameText(const X509_NAME* name) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0) return "?";
  return ToString(BioContents(bio.get()));
}

Bytes SerialBytes(const ASN1_INTEGER* serial) {
  BnPtr number(ASN1_INTEGER_to_BN(serial, nullptr));
  if (!number || BN_is_zero(number.get())) return {0};
  Bytes out(static_cast<size_t>(BN_num_bytes(number.get())));
  BN_bn2bin(number.get(), out.data());
  return out;
}

absl::StatusOr<std::vector<Bytes>> PemBlocks(std::string_view pem, std::string_view label,
                                             size_t max_count, size_t max_size) {
  // Base64 and line ends make PEM less than twice the size of its DER.
  if (pem.size() > 2 * max_count * max_size) return absl::InvalidArgumentError("PEM: too large");
  BioPtr bio = MemoryBio(AsBytes(pem));
  if (!bio) return absl::InvalidArgumentError("PEM: too large");
  std::vector<Bytes> blocks;
  for (;;) {
    ASSIGN_OR_RETURN(std::optional<PemBlock> block, NextPemBlock(bio.get()));
    if (!block) break;
    if (block->label != label) {
      return absl::InvalidArgumentError(
          StrCat("PEM: block of kind '", block->label, "', must be '", label, "'"));
    }
    if (blocks.size() == max_count) {
      return absl::InvalidArgumentError(StrCat("PEM: more than ", max_count, " blocks"));
    }
    blocks.push_back(std::move(block->der));
  }
  if (blocks.empty()) return absl::InvalidArgumentError(StrCat("PEM: no '", label, "' block"));
  return blocks;
}

absl::Status WithTimeProblem(absl::Status status, TimeProblem problem) {
  if (problem == TimeProblem::kNone) return status;
  const std::string_view name =
      problem == TimeProblem::kExpired ? kExpiredPayload : kNotYetValidPayload;
  // Cord's constructor from std::string is a template, which clang and Debian's library name apart.
  status.SetPayload(kTimeProblemUrl, absl::Cord(absl::string_view(name.data(), name.size())));
  return status;
}

TimeProblem TimeProblemOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kTimeProblemUrl);
  if (!payload.has_value()) return TimeProblem::kNone;
  return std::string(*payload) == kExpiredPayload ? TimeProblem::kExpired
                                                  : TimeProblem::kNotYetValid;
}

std::string FormatTime(int64_t unix_seconds) {
  time_t seconds = unix_seconds;
  tm parts = {};
  char text[64];
  if (gmtime_r(&seconds, &parts) == nullptr ||
      strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
    return StrCat(unix_seconds, " s");
  }
  return text;
}

absl::StatusOr<Certificate> Certificate::FromDer(ByteView der) {
  if (der.size() > kMaxCertificateSize) {
    return absl::InvalidArgumentError(
        StrCat("certificate: ", der.size(), " bytes, the limit is ", kMaxCertificateSize));
  }
  const uint8_t* cursor = der.data();
  std::shared_ptr<X509> certificate(d2i_X509(nullptr, &cursor, static_cast<long>(der.size())),
                                    X509_free);
  if (!certificate) {
    return OpensslStatus(absl::StatusCode::kInvalidArgument, "certificate: not DER of X.509");
  }
  if (cursor != der.data() + der.size()) {
    return absl::InvalidArgumentError("certificate: bytes after the DER");
  }
  // Fills OpenSSL's cache of extensions, and finds malformed and repeated ones.
  X509_check_purpose(certificate.get(), -1, 0);
  if ((X509_get_extension_flags(certificate.get()) & EXFLAG_INVALID) != 0) {
    return OpensslStatus(absl::StatusCode::kInvalidArgument, "certificate: bad extensions");
  }
  ERR_clear_error();
  return Certificate(std::move(certificate), ToBytes(der));
}

absl::StatusOr<Certificate> Certificate::FromPem(std::string_view pem) {
  ASSIGN_OR_RETURN(std::vector<Bytes> blocks,
                   PemBlocks(pem, PEM_STRING_X509, 1, kMaxCertificateSize));
  return FromDer(blocks[0]);
}

absl::StatusOr<std::vector<Certificate>> Certificate::AllFromPem(std::string_view pem) {
  ASSIGN_OR_RETURN(std::vector<Bytes> blocks,
                   PemBlocks(pem, PEM_STRING_X509, kMaxCertificatesInPem, kMaxCertificateSize));
  std::vector<Certificate> out;
  for (size_t i = 0; i < blocks.size(); ++i) {
    ASSIGN_OR_RETURN(Certificate certificate, FromDer(blocks[i]), StrCat("PEM block ", i));
    out.push_back(std::move(certificate));
  }
  return out;
}

std::string Certificate::ToPem() const {
  BioPtr bio(BIO_new(BIO_s_mem()));
  Must(bio && PEM_write_bio(bio.get(), PEM_STRING_X509, "", der_.data(),
                            static_cast<long>(der_.size())) > 0,
       "PEM_write_bio");
  return ToString(BioContents(bio.get()));
}

absl::StatusOr<std::string> Certificate::subject_common_name() const {
  return CommonName(X509_get_subject_name(handle()), "subject");
}
absl::StatusOr<std::string> Certificate::issuer_common_name() const {
  return CommonName(X509_get_issuer_name(handle()), "issuer");
}
std::string Certificate::subject_text() const { return NameText(X509_get_subject_name(handle())); }
std::string Certificate::issuer_text() const { return NameText(X509_get_issuer_name(handle())); }
Bytes Certificate::serial() const { return SerialBytes(X509_get0_serialNumber(handle())); }
int64_t Certificate::not_before() const { return ToUnixTime(X509_get0_notBefore(handle())); }
int64_t Certificate::not_after() const { return ToUnixTime(X509_get0_notAfter(handle())); }
bool Certificate::is_ca() const { return (X509_get_extension_flags(handle()) & EXFLAG_CA) != 0; }

absl::StatusOr<Bytes> Certificate::Extension(std::string_view oid) const {
  ObjectPtr object(OBJ_txt2obj(std::string(oid).c_str(), 1));
  if (!object) {
    return OpensslStatus(absl::StatusCode::kInvalidArgument,
                         StrCat("not an object identifier: ", oid));
  }
  int index = X509_get_ext_by_OBJ(handle(), object.get(), -1);
  if (index < 0) return absl::NotFoundError(StrCat("certificate: no extension ", oid));
  if (X509_get_ext_by_OBJ(handle(), object.get(), index) >= 0) {
    return absl::InvalidArgumentError(StrCat("certificate: extension ", oid, " occurs twice"));
  }
  const ASN1_OCTET_STRING* data = X509_EXTENSION_get_data(X509_get_ext(handle(), index));
  const uint8_t* bytes = ASN1_STRING_get0_data(data);
  return Bytes(bytes, bytes + ASN1_STRING_length(data));
}

absl::StatusOr<PublicKey> Certificate::public_key() const {
  EVP_PKEY* key = X509_get_pubkey(handle());
  if (key == nullptr) {
    return OpensslStatus(absl::StatusCode::kInvalidArgument, "certificate: public key");
  }
  return PublicKey::Adopt(key);
}

absl::StatusOr<Bytes> Certificate::SpkiDigest(HashAlgorithm algorithm) const {
  uint8_t* data = nullptr;
  int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(handle()), &data);
  if (size <= 0) {
    return OpensslStatus(absl::StatusCode::kInvalidArgument, "certificate: public key");
  }
  Bytes digest = Digest(algorithm, ByteView(data, static_cast<size_t>(size)));
  OPENSSL_free(data);
  return digest;
}

}  // namespace nacre::crypto
