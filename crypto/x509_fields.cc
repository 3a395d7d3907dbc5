#include "crypto/x509_fields.h"

#include <algorithm>

#include "base/strings.h"
#include "crypto/der.h"
#include "crypto/x509_name.h"

namespace nacre::crypto {
namespace {

constexpr std::string_view kWhat = "certificate";
constexpr uint32_t kVersion1 = 0, kVersion3 = 2;  // as the encoding counts

absl::StatusOr<uint32_t> ReadVersion(der::Reader* reader) {
  ASSIGN_OR_RETURN(const auto outer, reader->Optional(der::ContextConstructed(0), kWhat));
  if (!outer) return kVersion1;
  ASSIGN_OR_RETURN(const der::Element number, der::Whole(outer->value, der::kInteger, kWhat));
  return der::Small(number.value, kVersion3, "certificate version");
}

absl::Status ReadValidity(der::Reader* reader, CertificateFields* out) {
  ASSIGN_OR_RETURN(const der::Element validity, reader->Next(der::kSequence, kWhat));
  der::Reader times(validity.value);
  ASSIGN_OR_RETURN(const der::Element from, times.Next("certificate validity"));
  ASSIGN_OR_RETURN(out->not_before, der::Time(from, "certificate validity"));
  ASSIGN_OR_RETURN(const der::Element until, times.Next("certificate validity"));
  ASSIGN_OR_RETURN(out->not_after, der::Time(until, "certificate validity"));
  return times.End(kWhat);
}

// Only its shape: a key of a kind not known here may stand in a certificate.
absl::Status CheckPublicKeyInfo(ByteView contents) {
  der::Reader reader(contents);
  ASSIGN_OR_RETURN(const der::Element algorithm, reader.Next(der::kSequence, kWhat));
  der::Reader inside(algorithm.value);
  ASSIGN_OR_RETURN(const der::Element oid, inside.Next(der::kOid, kWhat));
  RETURN_IF_ERROR(der::CheckOid(oid.value, kWhat));
  if (!inside.done()) {
    ASSIGN_OR_RETURN(const der::Element parameters, inside.Next(kWhat));
    RETURN_IF_ERROR(der::CheckAny(parameters, kWhat));
    RETURN_IF_ERROR(inside.End(kWhat));
  }
  ASSIGN_OR_RETURN(const der::Element key, reader.Next(der::kBitString, kWhat));
  RETURN_IF_ERROR(der::BitString(key.value, kWhat).status());
  return reader.End(kWhat);
}

// issuerUniqueID, subjectUniqueID: nothing looks at them.
absl::Status SkipUniqueIds(der::Reader* reader, uint32_t version) {
  for (uint8_t tag : {der::Context(1), der::Context(2)}) {
    ASSIGN_OR_RETURN(const auto id, reader->Optional(tag, kWhat));
    if (!id) continue;
    if (version == kVersion1) {
      return absl::InvalidArgumentError("certificate: a unique id in version 1");
    }
    RETURN_IF_ERROR(der::BitString(id->value, kWhat).status());
  }
  return absl::OkStatus();
}

absl::Status ReadSignedPart(ByteView contents, ByteView outer_algorithm, CertificateFields* out) {
  der::Reader reader(contents);
  ASSIGN_OR_RETURN(const uint32_t version, ReadVersion(&reader));
  ASSIGN_OR_RETURN(const der::Element serial, reader.Next(der::kInteger, kWhat));
  ASSIGN_OR_RETURN(out->serial, der::Unsigned(serial.value, "certificate serial number"));
  ASSIGN_OR_RETURN(const der::Element algorithm, reader.Next(der::kSequence, kWhat));
  if (!std::ranges::equal(algorithm.whole, outer_algorithm)) {
    return absl::InvalidArgumentError("certificate: names two signature algorithms");
  }
  ASSIGN_OR_RETURN(const der::Element issuer, reader.Next(der::kSequence, kWhat));
  RETURN_IF_ERROR(CheckName(issuer.whole, "certificate issuer"));
  out->issuer = issuer.whole;
  RETURN_IF_ERROR(ReadValidity(&reader, out));
  ASSIGN_OR_RETURN(const der::Element subject, reader.Next(der::kSequence, kWhat));
  RETURN_IF_ERROR(CheckName(subject.whole, "certificate subject"));
  out->subject = subject.whole;
  ASSIGN_OR_RETURN(const der::Element key, reader.Next(der::kSequence, kWhat));
  RETURN_IF_ERROR(CheckPublicKeyInfo(key.value));
  out->public_key = key.whole;
  RETURN_IF_ERROR(SkipUniqueIds(&reader, version));
  ASSIGN_OR_RETURN(const auto extensions, reader.Optional(der::ContextConstructed(3), kWhat));
  if (extensions) {
    if (version != kVersion3) {
      return absl::InvalidArgumentError("certificate: extensions need version 3");
    }
    ASSIGN_OR_RETURN(out->extensions, ParseExtensions(extensions->value), kWhat);
    ASSIGN_OR_RETURN(out->path, ReadPathFields(out->extensions));
  }
  return reader.End(kWhat);
}

}  // namespace

absl::StatusOr<CertificateFields> ParseCertificate(ByteView der) {
  CertificateFields out;
  ASSIGN_OR_RETURN(const SignedStructure all, ParseSignedStructure(der, kWhat));
  out.signed_part = all.signed_part.whole;
  out.algorithm = all.algorithm;
  out.signature = all.signature;
  RETURN_IF_ERROR(ReadSignedPart(all.signed_part.value, all.outer_algorithm, &out));
  return out;
}

}  // namespace nacre::crypto
