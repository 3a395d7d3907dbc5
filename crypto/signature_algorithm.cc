#include "crypto/signature_algorithm.h"

#include <algorithm>
#include <string_view>

#include "crypto/der.h"

namespace nacre::crypto {
namespace {

constexpr std::string_view kWhat = "signature algorithm";
constexpr std::string_view kPssOid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";
constexpr std::string_view kMgf1Oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08";

struct Known {
  std::string_view oid;  // the value of its DER
  SignatureAlgorithm algorithm;
};
constexpr Known kKnown[] = {
    {"\x2a\x86\x48\xce\x3d\x04\x03\x02", {SignatureKind::kEcdsa, HashAlgorithm::kSha256}},
    {"\x2a\x86\x48\xce\x3d\x04\x03\x03", {SignatureKind::kEcdsa, HashAlgorithm::kSha384}},
    {"\x2a\x86\x48\xce\x3d\x04\x03\x04", {SignatureKind::kEcdsa, HashAlgorithm::kSha512}},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", {SignatureKind::kRsaPkcs1, HashAlgorithm::kSha256}},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", {SignatureKind::kRsaPkcs1, HashAlgorithm::kSha384}},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", {SignatureKind::kRsaPkcs1, HashAlgorithm::kSha512}},
};
struct KnownHash {
  std::string_view oid;
  HashAlgorithm hash;
};
constexpr KnownHash kHashes[] = {
    {"\x60\x86\x48\x01\x65\x03\x04\x02\x01", HashAlgorithm::kSha256},
    {"\x60\x86\x48\x01\x65\x03\x04\x02\x02", HashAlgorithm::kSha384},
    {"\x60\x86\x48\x01\x65\x03\x04\x02\x03", HashAlgorithm::kSha512},
};

struct Identifier {
  ByteView oid;
  std::optional<der::Element> parameters;

  bool Is(std::string_view wanted) const { return AsText(oid) == wanted; }
  bool has_null() const { return parameters && parameters->tag == der::kNull; }
};

absl::StatusOr<Identifier> ReadIdentifier(ByteView contents) {
  Identifier out;
  der::Reader reader(contents);
  ASSIGN_OR_RETURN(const der::Element oid, reader.Next(der::kOid, kWhat));
  RETURN_IF_ERROR(der::CheckOid(oid.value, kWhat));
  out.oid = oid.value;
  if (reader.done()) return out;
  ASSIGN_OR_RETURN(out.parameters, reader.Next(kWhat));
  RETURN_IF_ERROR(der::CheckAny(*out.parameters, kWhat));
  RETURN_IF_ERROR(reader.End(kWhat));
  return out;
}

absl::StatusOr<std::optional<HashAlgorithm>> ReadHash(ByteView identifier) {
  ASSIGN_OR_RETURN(const der::Element all, der::Whole(identifier, der::kSequence, kWhat));
  ASSIGN_OR_RETURN(const Identifier read, ReadIdentifier(all.value));
  if (read.parameters && !read.has_null()) return std::nullopt;
  for (const KnownHash& known : kHashes) {
    if (read.Is(known.oid)) return known.hash;
  }
  return std::nullopt;
}

// RSASSA-PSS-params (RFC 4055 section 3.1): its defaults are SHA-1, so all three must be there.
absl::StatusOr<std::optional<SignatureAlgorithm>> ReadPss(const der::Element& parameters) {
  if (parameters.tag != der::kSequence) return std::nullopt;
  der::Reader reader(parameters.value);
  ASSIGN_OR_RETURN(const auto hash_part, reader.Optional(der::ContextConstructed(0), kWhat));
  ASSIGN_OR_RETURN(const auto mask_part, reader.Optional(der::ContextConstructed(1), kWhat));
  ASSIGN_OR_RETURN(const auto salt_part, reader.Optional(der::ContextConstructed(2), kWhat));
  ASSIGN_OR_RETURN(const auto trailer, reader.Optional(der::ContextConstructed(3), kWhat));
  RETURN_IF_ERROR(reader.End(kWhat));
  if (!hash_part || !mask_part || !salt_part) return std::nullopt;
  ASSIGN_OR_RETURN(const auto hash, ReadHash(hash_part->value));
  ASSIGN_OR_RETURN(const der::Element mask, der::Whole(mask_part->value, der::kSequence, kWhat));
  ASSIGN_OR_RETURN(const Identifier mgf, ReadIdentifier(mask.value));
  if (!mgf.Is(kMgf1Oid) || !mgf.parameters) return std::nullopt;
  ASSIGN_OR_RETURN(const auto mask_hash, ReadHash(mgf.parameters->whole));
  ASSIGN_OR_RETURN(const der::Element salt, der::Whole(salt_part->value, der::kInteger, kWhat));
  ASSIGN_OR_RETURN(const uint32_t salt_size, der::Small(salt.value, 1u << 16, kWhat));
  if (trailer) {  // AMD writes the default, 1
    ASSIGN_OR_RETURN(const der::Element number, der::Whole(trailer->value, der::kInteger, kWhat));
    ASSIGN_OR_RETURN(const uint32_t field, der::Small(number.value, 1u << 16, kWhat));
    if (field != 1) return std::nullopt;
  }
  if (!hash || hash != mask_hash || salt_size != DigestSize(*hash)) return std::nullopt;
  return SignatureAlgorithm{SignatureKind::kRsaPss, *hash};
}

}  // namespace

absl::StatusOr<std::optional<SignatureAlgorithm>> ParseSignatureAlgorithm(ByteView contents) {
  ASSIGN_OR_RETURN(const Identifier read, ReadIdentifier(contents));
  if (read.Is(kPssOid) && read.parameters) return ReadPss(*read.parameters);
  for (const Known& known : kKnown) {
    if (!read.Is(known.oid)) continue;
    // RFC 4055 section 5: NULL for RSA. RFC 5758 section 3.2: nothing for ECDSA.
    const bool rsa = known.algorithm.kind == SignatureKind::kRsaPkcs1;
    if (rsa ? !read.has_null() : read.parameters.has_value()) return std::nullopt;
    return known.algorithm;
  }
  return std::nullopt;
}

absl::StatusOr<SignedStructure> ParseSignedStructure(ByteView der, std::string_view what) {
  SignedStructure out;
  ASSIGN_OR_RETURN(const der::Element all, der::Whole(der, der::kSequence, what));
  der::Reader reader(all.value);
  ASSIGN_OR_RETURN(out.signed_part, reader.Next(der::kSequence, what));
  ASSIGN_OR_RETURN(const der::Element algorithm, reader.Next(der::kSequence, what));
  out.outer_algorithm = algorithm.whole;
  ASSIGN_OR_RETURN(out.algorithm, ParseSignatureAlgorithm(algorithm.value), what);
  ASSIGN_OR_RETURN(const der::Element signature, reader.Next(der::kBitString, what));
  ASSIGN_OR_RETURN(out.signature, der::WholeBytes(signature.value, what));
  RETURN_IF_ERROR(reader.End(what));
  return out;
}

absl::Status VerifySignature(const PublicKey& key,
                             const std::optional<SignatureAlgorithm>& algorithm, ByteView message,
                             ByteView signature) {
  if (!algorithm) return absl::UnauthenticatedError("signed with an algorithm not accepted here");
  const KeyKind needed = algorithm->kind == SignatureKind::kEcdsa ? KeyKind::kEc : KeyKind::kRsa;
  if (key.kind() != needed) {
    return absl::UnauthenticatedError("signature algorithm and key are of different kinds");
  }
  switch (algorithm->kind) {
    case SignatureKind::kEcdsa:
      return key.VerifyEcdsaDer(algorithm->hash, message, signature);
    case SignatureKind::kRsaPkcs1:
      return key.VerifyRsaPkcs1(algorithm->hash, message, signature);
    case SignatureKind::kRsaPss:
      return key.VerifyRsaPss(algorithm->hash, message, signature);
  }
  return absl::InternalError("signature kind");
}

}  // namespace nacre::crypto
