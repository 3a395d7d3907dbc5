#include "crypto/crl.h"

#include <algorithm>

#include "base/strings.h"
#include "crypto/der.h"
#include "crypto/pem.h"
#include "crypto/x509_internal.h"
#include "crypto/x509_name.h"

namespace nacre::crypto {
namespace {

constexpr std::string_view kWhat = "CRL";
constexpr uint32_t kVersion2 = 1;      // as the encoding counts
constexpr size_t kSmallestEntry = 20;  // a serial number of one byte and a UTCTime

struct CrlFields {
  ByteView signed_part;  // the TBSCertList
  std::optional<SignatureAlgorithm> algorithm;
  ByteView signature;
  ByteView issuer;  // a Name, with tag and length
  int64_t this_update = 0;
  std::optional<int64_t> next_update;
  std::vector<ByteView> revoked;  // serial numbers without leading zeros, sorted
};

// A critical extension changes what the list means (which certificates, which issuer, which part).
absl::Status RefuseCritical(ByteView sequence) {
  ASSIGN_OR_RETURN(const auto extensions, ParseExtensions(sequence), kWhat);
  for (const ExtensionFields& extension : extensions) {
    if (!extension.critical) continue;
    return absl::InvalidArgumentError(
        StrCat("CRL: critical extension ", der::OidText(extension.oid)));
  }
  return absl::OkStatus();
}

bool Before(ByteView a, ByteView b) { return std::ranges::lexicographical_compare(a, b); }

absl::Status ReadEntry(ByteView contents, bool version2, std::vector<ByteView>* out) {
  der::Reader reader(contents);
  ASSIGN_OR_RETURN(const der::Element serial, reader.Next(der::kInteger, kWhat));
  ASSIGN_OR_RETURN(const ByteView number, der::Unsigned(serial.value, "CRL: serial number"));
  ASSIGN_OR_RETURN(const der::Element when, reader.Next(kWhat));
  RETURN_IF_ERROR(der::Time(when, kWhat).status());
  if (!reader.done()) {
    if (!version2) return absl::InvalidArgumentError("CRL: extensions need version 2");
    ASSIGN_OR_RETURN(const der::Element extensions, reader.Next(der::kSequence, kWhat));
    RETURN_IF_ERROR(RefuseCritical(extensions.whole));
  }
  out->push_back(number);
  return reader.End(kWhat);
}

absl::Status ReadRevoked(der::Reader* reader, bool version2, CrlFields* out) {
  ASSIGN_OR_RETURN(const auto entries, reader->Optional(der::kSequence, kWhat));
  if (!entries) return absl::OkStatus();
  out->revoked.reserve(entries->value.size() / kSmallestEntry);
  der::Reader inside(entries->value);
  while (!inside.done()) {
    ASSIGN_OR_RETURN(const der::Element entry, inside.Next(der::kSequence, kWhat));
    RETURN_IF_ERROR(ReadEntry(entry.value, version2, &out->revoked));
  }
  std::ranges::sort(out->revoked, Before);
  return absl::OkStatus();
}

absl::Status ReadSignedPart(ByteView contents, ByteView outer_algorithm, CrlFields* out) {
  der::Reader reader(contents);
  ASSIGN_OR_RETURN(const auto version, reader.Optional(der::kInteger, kWhat));
  if (version) {
    ASSIGN_OR_RETURN(const uint32_t number, der::Small(version->value, kVersion2, "CRL version"));
    if (number != kVersion2) return absl::InvalidArgumentError("CRL version: must be 2");
  }
  ASSIGN_OR_RETURN(const der::Element algorithm, reader.Next(der::kSequence, kWhat));
  if (!std::ranges::equal(algorithm.whole, outer_algorithm)) {
    return absl::InvalidArgumentError("CRL: names two signature algorithms");
  }
  ASSIGN_OR_RETURN(const der::Element issuer, reader.Next(der::kSequence, kWhat));
  RETURN_IF_ERROR(CheckName(issuer.whole, "CRL issuer"));
  out->issuer = issuer.whole;
  ASSIGN_OR_RETURN(const der::Element this_update, reader.Next(kWhat));
  ASSIGN_OR_RETURN(out->this_update, der::Time(this_update, kWhat));
  if (reader.NextIs(der::kUtcTime) || reader.NextIs(der::kGeneralizedTime)) {
    ASSIGN_OR_RETURN(const der::Element next_update, reader.Next(kWhat));
    ASSIGN_OR_RETURN(out->next_update, der::Time(next_update, kWhat));
  }
  RETURN_IF_ERROR(ReadRevoked(&reader, version.has_value(), out));
  ASSIGN_OR_RETURN(const auto extensions, reader.Optional(der::ContextConstructed(0), kWhat));
  if (extensions) {
    if (!version) return absl::InvalidArgumentError("CRL: extensions need version 2");
    RETURN_IF_ERROR(RefuseCritical(extensions->value));
  }
  return reader.End(kWhat);
}

absl::StatusOr<CrlFields> Parse(ByteView der) {
  CrlFields out;
  ASSIGN_OR_RETURN(const SignedStructure all, ParseSignedStructure(der, kWhat));
  out.signed_part = all.signed_part.whole;
  out.algorithm = all.algorithm;
  out.signature = all.signature;
  RETURN_IF_ERROR(ReadSignedPart(all.signed_part.value, all.outer_algorithm, &out));
  return out;
}

}  // namespace

struct Crl::State {
  Bytes der;
  CrlFields fields;  // views `der`
};

absl::StatusOr<Crl> Crl::FromDer(ByteView der) {
  if (der.size() > kMaxCrlSize) {
    return absl::InvalidArgumentError(
        StrCat("CRL: ", der.size(), " bytes, the limit is ", kMaxCrlSize));
  }
  auto state = std::make_shared<State>();
  state->der = ToBytes(der);
  ASSIGN_OR_RETURN(state->fields, Parse(state->der));
  return Crl(std::move(state));
}

absl::StatusOr<Crl> Crl::FromPem(std::string_view pem) {
  ASSIGN_OR_RETURN(std::vector<Bytes> blocks, PemBlocks(pem, kCrlLabel, 1, kMaxCrlSize));
  return FromDer(blocks[0]);
}

std::string Crl::issuer_text() const { return NameText(state_->fields.issuer); }
int64_t Crl::this_update() const { return state_->fields.this_update; }
std::optional<int64_t> Crl::next_update() const { return state_->fields.next_update; }
size_t Crl::revoked_count() const { return state_->fields.revoked.size(); }

bool Crl::IsFrom(const Certificate& issuer) const {
  return std::ranges::equal(state_->fields.issuer, issuer.fields().subject);
}

absl::Status Crl::Verify(const Certificate& issuer, int64_t time) const {
  const auto refuse = [this](std::string_view why) {
    return absl::UnauthenticatedError(StrCat("CRL of ", issuer_text(), ": ", why));
  };
  if (!IsFrom(issuer)) return refuse("not of " + issuer.subject_text());
  const auto& usage = issuer.fields().path.key_usage;
  if (usage && (*usage & kUsageCrlSign) == 0) return refuse("its issuer may not sign CRLs");
  ASSIGN_OR_RETURN(const PublicKey key, issuer.public_key());
  const CrlFields& fields = state_->fields;
  const absl::Status good =
      VerifySignature(key, fields.algorithm, fields.signed_part, fields.signature);
  if (!good.ok()) return refuse(StrCat("signature does not verify: ", Message(good)));
  if (time < fields.this_update) {
    return WithTimeProblem(refuse("valid from " + FormatTime(fields.this_update)),
                           TimeProblem::kNotYetValid);
  }
  if (!fields.next_update) return refuse("has no nextUpdate");
  if (time >= *fields.next_update) {
    return WithTimeProblem(refuse("out of date since " + FormatTime(*fields.next_update)),
                           TimeProblem::kExpired);
  }
  return absl::OkStatus();
}

bool Crl::IsRevoked(ByteView serial) const {
  const auto& revoked = state_->fields.revoked;
  const auto found = std::ranges::lower_bound(revoked, serial, Before);
  return found != revoked.end() && std::ranges::equal(*found, serial);
}

}  // namespace nacre::crypto
