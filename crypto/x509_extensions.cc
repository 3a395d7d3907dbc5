// The extensions that path validation looks at are read; the others of RFC 5280 that OpenSSL would
// read are checked for their shape, so that nothing is accepted here that a peer calls malformed.
#include <algorithm>

#include "base/strings.h"
#include "crypto/der.h"
#include "crypto/x509_fields.h"
#include "crypto/x509_name.h"

namespace nacre::crypto {
namespace {

// Last arc of 2.5.29.n.
enum Standard : uint8_t {
  kSubjectKeyId = 14,
  kKeyUsage = 15,
  kSubjectAlternativeName = 17,
  kBasicConstraints = 19,
  kNameConstraints = 30,
  kCrlDistributionPoints = 31,
  kCertificatePolicies = 32,
  kAuthorityKeyId = 35,
  kExtendedKeyUsage = 37,
};
constexpr std::string_view kStandardPrefix = "\x55\x1d";
constexpr std::string_view kNetscapeCertType = "\x60\x86\x48\x01\x86\xf8\x42\x01\x01";
// id-pe-ipAddrBlocks, id-pe-autonomousSysIds, id-pe-proxyCertInfo
constexpr std::string_view kRefused[] = {"\x2b\x06\x01\x05\x05\x07\x01\x07",
                                         "\x2b\x06\x01\x05\x05\x07\x01\x08",
                                         "\x2b\x06\x01\x05\x05\x07\x01\x0e"};
constexpr uint32_t kMaxPathLength = 0x7fffffff;
constexpr int kUsageBits = 9;

// One GeneralName (RFC 5280 section 4.2.1.6).
absl::Status CheckGeneralName(const der::Element& name, std::string_view what) {
  switch (name.tag) {
    case der::Context(1):  // rfc822Name
    case der::Context(2):  // dNSName
    case der::Context(6):  // uniformResourceIdentifier
    case der::Context(7):  // iPAddress
      return absl::OkStatus();
    case der::Context(8):  // registeredID
      return der::CheckOid(name.value, what);
    case der::ContextConstructed(4):  // directoryName
      return CheckName(name.value, what);
    case der::ContextConstructed(0): {  // otherName
      der::Reader reader(name.value);
      ASSIGN_OR_RETURN(const der::Element oid, reader.Next(der::kOid, what));
      RETURN_IF_ERROR(der::CheckOid(oid.value, what));
      ASSIGN_OR_RETURN(const der::Element outer, reader.Next(der::ContextConstructed(0), what));
      RETURN_IF_ERROR(reader.End(what));
      der::Reader inside(outer.value);
      ASSIGN_OR_RETURN(const der::Element value, inside.Next(what));
      RETURN_IF_ERROR(der::CheckAny(value, what));
      return inside.End(what);
    }
    default:
      return absl::InvalidArgumentError(StrCat(what, ": a general name of kind ", name.tag));
  }
}

absl::Status CheckGeneralNames(ByteView contents, std::string_view what) {
  der::Reader reader(contents);
  do {
    ASSIGN_OR_RETURN(const der::Element name, reader.Next(what));
    RETURN_IF_ERROR(CheckGeneralName(name, what));
  } while (!reader.done());
  return absl::OkStatus();
}

absl::Status ReadBasicConstraints(ByteView value, PathFields* out) {
  constexpr std::string_view kWhat = "basic constraints";
  ASSIGN_OR_RETURN(const der::Element all, der::Whole(value, der::kSequence, kWhat));
  der::Reader reader(all.value);
  ASSIGN_OR_RETURN(const auto ca, reader.Optional(der::kBoolean, kWhat));
  if (ca) {
    ASSIGN_OR_RETURN(out->is_ca, der::Boolean(ca->value, kWhat));
  }
  ASSIGN_OR_RETURN(const auto length, reader.Optional(der::kInteger, kWhat));
  if (length) {
    ASSIGN_OR_RETURN(out->path_length, der::Small(length->value, kMaxPathLength, kWhat));
  }
  return reader.End(kWhat);
}

absl::Status ReadKeyUsage(ByteView value, PathFields* out) {
  constexpr std::string_view kWhat = "key usage";
  ASSIGN_OR_RETURN(const der::Element all, der::Whole(value, der::kBitString, kWhat));
  ASSIGN_OR_RETURN(const der::Bits bits, der::BitString(all.value, kWhat));
  uint16_t usage = 0;
  for (int bit = 0; bit < kUsageBits; ++bit) {
    const size_t at = static_cast<size_t>(bit / 8);
    if (at < bits.bytes.size() && (bits.bytes[at] >> (7 - bit % 8) & 1) != 0) {
      usage = static_cast<uint16_t>(usage | 1 << bit);
    }
  }
  if (usage == 0 || bits.bytes.size() > 2) {
    return absl::InvalidArgumentError("key usage: names no usage");
  }
  out->key_usage = usage;
  return absl::OkStatus();
}

absl::Status ReadSubjectKeyId(ByteView value, PathFields* out) {
  ASSIGN_OR_RETURN(const der::Element id,
                   der::Whole(value, der::kOctetString, "subject key identifier"));
  out->subject_key_id = id.value;
  return absl::OkStatus();
}

absl::Status ReadAuthorityKeyId(ByteView value, PathFields* out) {
  constexpr std::string_view kWhat = "authority key identifier";
  ASSIGN_OR_RETURN(const der::Element all, der::Whole(value, der::kSequence, kWhat));
  der::Reader reader(all.value);
  ASSIGN_OR_RETURN(const auto id, reader.Optional(der::Context(0), kWhat));
  if (id) out->authority_key_id = id->value;
  ASSIGN_OR_RETURN(const auto issuers, reader.Optional(der::ContextConstructed(1), kWhat));
  ASSIGN_OR_RETURN(const auto serial, reader.Optional(der::Context(2), kWhat));
  if (issuers) {
    RETURN_IF_ERROR(CheckGeneralNames(issuers->value, kWhat));
    der::Reader names(issuers->value);
    while (!names.done() && !out->authority_issuer) {
      ASSIGN_OR_RETURN(const der::Element name, names.Next(kWhat));
      if (name.tag == der::ContextConstructed(4)) out->authority_issuer = name.value;
    }
  }
  if (serial) {
    ASSIGN_OR_RETURN(out->authority_serial, der::Unsigned(serial->value, kWhat));
  }
  return reader.End(kWhat);
}

absl::Status CheckExtendedKeyUsage(ByteView value) {
  constexpr std::string_view kWhat = "extended key usage";
  ASSIGN_OR_RETURN(const der::Element all, der::Whole(value, der::kSequence, kWhat));
  der::Reader reader(all.value);
  do {
    ASSIGN_OR_RETURN(const der::Element oid, reader.Next(der::kOid, kWhat));
    RETURN_IF_ERROR(der::CheckOid(oid.value, kWhat));
  } while (!reader.done());
  return absl::OkStatus();
}

absl::Status CheckDistributionPoints(ByteView value) {
  constexpr std::string_view kWhat = "CRL distribution points";
  ASSIGN_OR_RETURN(const der::Element all, der::Whole(value, der::kSequence, kWhat));
  der::Reader points(all.value);
  do {
    ASSIGN_OR_RETURN(const der::Element point, points.Next(der::kSequence, kWhat));
    der::Reader reader(point.value);
    ASSIGN_OR_RETURN(const auto name, reader.Optional(der::ContextConstructed(0), kWhat));
    if (name) {
      ASSIGN_OR_RETURN(const der::Element full,
                       der::Whole(name->value, der::ContextConstructed(0), kWhat));
      RETURN_IF_ERROR(CheckGeneralNames(full.value, kWhat));
    }
    ASSIGN_OR_RETURN(const auto reasons, reader.Optional(der::Context(1), kWhat));
    if (reasons) RETURN_IF_ERROR(der::BitString(reasons->value, kWhat).status());
    ASSIGN_OR_RETURN(const auto issuer, reader.Optional(der::ContextConstructed(2), kWhat));
    if (issuer) RETURN_IF_ERROR(CheckGeneralNames(issuer->value, kWhat));
    RETURN_IF_ERROR(reader.End(kWhat));
  } while (!points.done());
  return absl::OkStatus();
}

// Reads a standard extension. False when it is not one that may be critical.
absl::StatusOr<bool> ReadStandard(uint8_t arc, ByteView value, PathFields* out) {
  absl::Status status;
  switch (arc) {
    case kBasicConstraints:
      status = ReadBasicConstraints(value, out);
      break;
    case kKeyUsage:
      status = ReadKeyUsage(value, out);
      break;
    case kExtendedKeyUsage:
      status = CheckExtendedKeyUsage(value);
      break;
    case kCrlDistributionPoints:
      status = CheckDistributionPoints(value);
      break;
    case kSubjectAlternativeName: {
      constexpr std::string_view kWhat = "subject alternative name";
      ASSIGN_OR_RETURN(const der::Element all, der::Whole(value, der::kSequence, kWhat));
      status = CheckGeneralNames(all.value, kWhat);
      break;
    }
    case kCertificatePolicies:  // any policy will do
      break;
    case kSubjectKeyId:
      RETURN_IF_ERROR(ReadSubjectKeyId(value, out));
      return false;
    case kAuthorityKeyId:
      RETURN_IF_ERROR(ReadAuthorityKeyId(value, out));
      return false;
    case kNameConstraints:
      return absl::InvalidArgumentError("name constraints are not supported");
    default:
      return false;
  }
  RETURN_IF_ERROR(status);
  return true;
}

}  // namespace

absl::StatusOr<std::vector<ExtensionFields>> ParseExtensions(ByteView sequence) {
  constexpr std::string_view kWhat = "extensions";
  std::vector<ExtensionFields> out;
  ASSIGN_OR_RETURN(const der::Element all, der::Whole(sequence, der::kSequence, kWhat));
  der::Reader reader(all.value);
  do {
    ASSIGN_OR_RETURN(const der::Element one, reader.Next(der::kSequence, kWhat));
    der::Reader inside(one.value);
    ASSIGN_OR_RETURN(const der::Element oid, inside.Next(der::kOid, kWhat));
    RETURN_IF_ERROR(der::CheckOid(oid.value, kWhat));
    ASSIGN_OR_RETURN(const auto critical, inside.Optional(der::kBoolean, kWhat));
    ExtensionFields fields{oid.value, false, {}};
    if (critical) {  // an explicit FALSE, the default, is not DER but is seen
      ASSIGN_OR_RETURN(fields.critical, der::Boolean(critical->value, kWhat));
    }
    ASSIGN_OR_RETURN(const der::Element value, inside.Next(der::kOctetString, kWhat));
    RETURN_IF_ERROR(inside.End(kWhat));
    fields.value = value.value;
    for (const ExtensionFields& other : out) {
      if (std::ranges::equal(other.oid, fields.oid)) {
        return absl::InvalidArgumentError(
            StrCat("extension ", der::OidText(fields.oid), " occurs twice"));
      }
    }
    if (out.size() == kMaxExtensions) {
      return absl::InvalidArgumentError(StrCat("more than ", kMaxExtensions, " extensions"));
    }
    out.push_back(fields);
  } while (!reader.done());
  return out;
}

absl::StatusOr<PathFields> ReadPathFields(const std::vector<ExtensionFields>& extensions) {
  PathFields out;
  for (const ExtensionFields& extension : extensions) {
    const std::string_view oid = AsText(extension.oid);
    if (std::ranges::find(kRefused, oid) != std::end(kRefused)) {
      return absl::InvalidArgumentError(
          StrCat("certificate: extension ", der::OidText(extension.oid), " is not supported"));
    }
    bool may_be_critical = false;
    if (oid.size() == kStandardPrefix.size() + 1 && oid.starts_with(kStandardPrefix)) {
      ASSIGN_OR_RETURN(may_be_critical, ReadStandard(extension.oid.back(), extension.value, &out),
                       "certificate");
    } else if (oid == kNetscapeCertType) {
      constexpr std::string_view kWhat = "Netscape certificate type";
      ASSIGN_OR_RETURN(const der::Element type, der::Whole(extension.value, der::kBitString, kWhat),
                       "certificate");
      RETURN_IF_ERROR(der::BitString(type.value, kWhat).status());
    }
    if (extension.critical && !may_be_critical && !out.unknown_critical) {
      out.unknown_critical = extension.oid;
    }
  }
  return out;
}

}  // namespace nacre::crypto
