#include "crypto/x509.h"

#include <time.h>

#include <algorithm>
#include <mutex>

#include "absl/strings/cord.h"
#include "base/strings.h"
#include "crypto/der.h"
#include "crypto/pem.h"
#include "crypto/x509_internal.h"
#include "crypto/x509_name.h"

namespace nacre::crypto {
namespace {

constexpr char kTimeProblemUrl[] = "nacre.dev/certificate-time";
constexpr std::string_view kExpiredPayload = "expired";
constexpr std::string_view kNotYetValidPayload = "not-yet-valid";

}  // namespace

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

// The fields view `der`; the key is decoded by whoever asks first.
struct Certificate::State {
  Bytes der;
  CertificateFields fields;
  mutable std::once_flag key_once;
  mutable absl::StatusOr<PublicKey> key = absl::UnknownError("not decoded yet");
};

absl::StatusOr<Certificate> Certificate::FromDer(ByteView der) {
  if (der.size() > kMaxCertificateSize) {
    return absl::InvalidArgumentError(
        StrCat("certificate: ", der.size(), " bytes, the limit is ", kMaxCertificateSize));
  }
  auto state = std::make_shared<State>();
  state->der = ToBytes(der);
  ASSIGN_OR_RETURN(state->fields, ParseCertificate(state->der));
  return Certificate(std::move(state));
}

absl::StatusOr<Certificate> Certificate::FromPem(std::string_view pem) {
  ASSIGN_OR_RETURN(std::vector<Bytes> blocks,
                   PemBlocks(pem, kCertificateLabel, 1, kMaxCertificateSize));
  return FromDer(blocks[0]);
}

absl::StatusOr<std::vector<Certificate>> Certificate::AllFromPem(std::string_view pem) {
  ASSIGN_OR_RETURN(std::vector<Bytes> blocks,
                   PemBlocks(pem, kCertificateLabel, kMaxCertificatesInPem, kMaxCertificateSize));
  std::vector<Certificate> out;
  for (size_t i = 0; i < blocks.size(); ++i) {
    ASSIGN_OR_RETURN(Certificate certificate, FromDer(blocks[i]), StrCat("PEM block ", i));
    out.push_back(std::move(certificate));
  }
  return out;
}

const Bytes& Certificate::der() const { return state_->der; }
const CertificateFields& Certificate::fields() const { return state_->fields; }
std::string Certificate::ToPem() const { return crypto::ToPem(kCertificateLabel, der()); }

absl::StatusOr<std::string> Certificate::subject_common_name() const {
  return CommonName(fields().subject, "certificate: subject");
}
absl::StatusOr<std::string> Certificate::issuer_common_name() const {
  return CommonName(fields().issuer, "certificate: issuer");
}
std::string Certificate::subject_text() const { return NameText(fields().subject); }
std::string Certificate::issuer_text() const { return NameText(fields().issuer); }
Bytes Certificate::serial() const { return ToBytes(fields().serial); }
int64_t Certificate::not_before() const { return fields().not_before; }
int64_t Certificate::not_after() const { return fields().not_after; }
bool Certificate::is_ca() const { return fields().path.is_ca; }

absl::StatusOr<Bytes> Certificate::Extension(std::string_view oid) const {
  ASSIGN_OR_RETURN(const Bytes wanted, der::OidFromText(oid));
  for (const ExtensionFields& extension : fields().extensions) {
    if (std::ranges::equal(extension.oid, wanted)) return ToBytes(extension.value);
  }
  return absl::NotFoundError(StrCat("certificate: no extension ", oid));
}

absl::StatusOr<PublicKey> Certificate::public_key() const {
  std::call_once(state_->key_once, [state = state_.get()] {
    state->key = PublicKey::FromSpkiDer(state->fields.public_key);
    if (!state->key.ok()) state->key = Annotate(state->key.status(), "certificate");
  });
  return state_->key;
}

Bytes Certificate::SpkiDigest(HashAlgorithm algorithm) const {
  return Digest(algorithm, fields().public_key);
}

}  // namespace nacre::crypto
