// ID_AUTH is a page:
//
//   0x000  u32 algorithm of the ID key, u32 of the author key (1 = ECDSA P-384 with SHA-384)
//   0x040  signature of the ID key over the block, 512 bytes
//   0x240  ID key, 1028 bytes
//   0x680  signature of the author key over the ID key, 512 bytes
//   0x880  author key, 1028 bytes
//
// A key is {u32 curve 2, x, y}, a signature {r, s}, all numbers little-endian in 72 bytes and all
// else zero.

#include "tee/sev/id_block.h"

#include <algorithm>

#include "base/strings.h"
#include "crypto/digest.h"

namespace nacre::tee::sev {
namespace {

constexpr uint32_t kEcdsaP384Sha384 = 1;
constexpr uint32_t kCurveP384 = 2;
constexpr size_t kScalar = 48;
constexpr size_t kNumber = 72;
constexpr size_t kSignatureSize = 512;
constexpr size_t kKeySize = 1028;
constexpr size_t kBlockSignature = 0x40;
constexpr size_t kIdKey = 0x240;
constexpr size_t kKeySignature = 0x680;
constexpr size_t kAuthorKey = 0x880;

absl::Status Refuse(std::string_view message) {
  return absl::InvalidArgumentError(StrCat("ID block: ", message));
}

bool AllZero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

// 48 big-endian bytes as 72 little-endian ones.
void PutNumber(ByteView big_endian, ByteWriter* out) {
  out->Put(Bytes(big_endian.rbegin(), big_endian.rend())).Zeros(kNumber - kScalar);
}

absl::StatusOr<Bytes> TakeNumber(ByteView field) {
  if (!AllZero(field.subspan(kScalar, kNumber - kScalar))) {
    return Refuse("a number is longer than 48 bytes");
  }
  const ByteView value = field.first(kScalar);
  return Bytes(value.rbegin(), value.rend());
}

absl::StatusOr<Bytes> SerializeKey(const crypto::PublicKey& key) {
  const auto point = key.ToEcPoint();
  if (!point.ok() || point->curve != crypto::Curve::kP384) return Refuse("a key is not P-384");
  ByteWriter out;
  out.U32Le(kCurveP384);
  PutNumber(point->x, &out);
  PutNumber(point->y, &out);
  out.Zeros(kKeySize - out.size());
  return out.Release();
}

absl::StatusOr<crypto::PublicKey> ParseKey(ByteView bytes) {
  ByteReader reader(bytes);
  ASSIGN_OR_RETURN(const uint32_t curve, reader.U32Le("curve"));
  if (curve != kCurveP384) return Refuse(StrCat("curve ", curve, " is not 2 (P-384)"));
  if (!AllZero(bytes.subspan(4 + 2 * kNumber))) return Refuse("bytes after a key are not zero");
  ASSIGN_OR_RETURN(Bytes x, TakeNumber(bytes.subspan(4)));
  ASSIGN_OR_RETURN(Bytes y, TakeNumber(bytes.subspan(4 + kNumber)));
  return crypto::PublicKey::FromEcPoint({crypto::Curve::kP384, std::move(x), std::move(y)});
}

absl::StatusOr<Bytes> Sign(const crypto::PrivateKey& key, ByteView message) {
  ASSIGN_OR_RETURN(const Bytes raw, key.SignEcdsa(crypto::HashAlgorithm::kSha384, message));
  ByteWriter out;
  PutNumber(ByteView(raw).first(kScalar), &out);
  PutNumber(ByteView(raw).subspan(kScalar), &out);
  out.Zeros(kSignatureSize - out.size());
  return out.Release();
}

absl::Status Verify(const crypto::PublicKey& key, ByteView message, ByteView signature,
                    std::string_view what) {
  if (!AllZero(signature.subspan(2 * kNumber))) {
    return Refuse("bytes after a signature are not zero");
  }
  ASSIGN_OR_RETURN(Bytes raw, TakeNumber(signature));
  ASSIGN_OR_RETURN(const Bytes s, TakeNumber(signature.subspan(kNumber)));
  raw.insert(raw.end(), s.begin(), s.end());
  return Annotate(key.VerifyEcdsa(crypto::HashAlgorithm::kSha384, message, raw), what);
}

std::array<uint8_t, 48> DigestOf(ByteView key) {
  std::array<uint8_t, 48> out{};
  const Bytes digest = crypto::Digest(crypto::HashAlgorithm::kSha384, key);
  std::copy(digest.begin(), digest.end(), out.begin());
  return out;
}

// Everything of the page that has no meaning.
bool ReservedIsZero(ByteView auth) {
  return AllZero(auth.subspan(8, kBlockSignature - 8)) &&
         AllZero(auth.subspan(kIdKey + kKeySize, kKeySignature - kIdKey - kKeySize)) &&
         AllZero(auth.subspan(kAuthorKey + kKeySize));
}

}  // namespace

Bytes SerializeIdBlock(const IdBlock& block) {
  ByteWriter out;
  out.Put(block.launch_digest).Put(block.family_id).Put(block.image_id);
  out.U32Le(block.version).U32Le(block.guest_svn).U64Le(block.policy);
  return out.Release();
}

absl::StatusOr<IdBlock> ParseIdBlock(ByteView bytes) {
  if (bytes.size() != kIdBlockSize) {
    return Refuse(StrCat(bytes.size(), " bytes, not ", kIdBlockSize));
  }
  ByteReader reader(bytes);
  IdBlock block;
  ASSIGN_OR_RETURN(block.launch_digest, reader.Array<48>("launch digest"));
  ASSIGN_OR_RETURN(block.family_id, reader.Array<16>("family id"));
  ASSIGN_OR_RETURN(block.image_id, reader.Array<16>("image id"));
  ASSIGN_OR_RETURN(block.version, reader.U32Le("version"));
  ASSIGN_OR_RETURN(block.guest_svn, reader.U32Le("guest SVN"));
  ASSIGN_OR_RETURN(block.policy, reader.U64Le("policy"));
  if (block.version != 1) return Refuse(StrCat("version ", block.version, " is not 1"));
  return block;
}

absl::StatusOr<std::array<uint8_t, 48>> IdKeyDigest(const crypto::PublicKey& key) {
  ASSIGN_OR_RETURN(const Bytes serialized, SerializeKey(key));
  return DigestOf(serialized);
}

absl::StatusOr<SignedIdBlock> SignIdBlock(const IdBlock& block, const crypto::PrivateKey& id_key,
                                          const crypto::PrivateKey* author_key) {
  SignedIdBlock out;
  out.id_block = SerializeIdBlock(block);
  ASSIGN_OR_RETURN(const Bytes id, SerializeKey(id_key.public_key()));
  ASSIGN_OR_RETURN(const Bytes block_signature, Sign(id_key, out.id_block));
  out.id_key_digest = DigestOf(id);
  Bytes author(kKeySize);
  Bytes key_signature(kSignatureSize);
  if (author_key != nullptr) {
    ASSIGN_OR_RETURN(author, SerializeKey(author_key->public_key()));
    ASSIGN_OR_RETURN(key_signature, Sign(*author_key, id));
    out.author_key_digest = DigestOf(author);
  }
  ByteWriter auth;
  auth.U32Le(kEcdsaP384Sha384).U32Le(author_key != nullptr ? kEcdsaP384Sha384 : 0);
  auth.Zeros(kBlockSignature - auth.size()).Put(block_signature).Put(id);
  auth.Zeros(kKeySignature - auth.size()).Put(key_signature).Put(author);
  auth.Zeros(kIdAuthSize - auth.size());
  out.id_auth = auth.Release();
  return out;
}

absl::StatusOr<IdAuthInfo> VerifyIdAuth(ByteView id_block, ByteView id_auth) {
  RETURN_IF_ERROR(ParseIdBlock(id_block).status());
  if (id_auth.size() != kIdAuthSize) {
    return Refuse(StrCat("ID authentication of ", id_auth.size(), " bytes, not ", kIdAuthSize));
  }
  ByteReader reader(id_auth);
  ASSIGN_OR_RETURN(const uint32_t id_algorithm, reader.U32Le("ID key algorithm"));
  ASSIGN_OR_RETURN(const uint32_t author_algorithm, reader.U32Le("author key algorithm"));
  if (id_algorithm != kEcdsaP384Sha384) {
    return Refuse(StrCat("ID key algorithm ", id_algorithm, " is not 1"));
  }
  if (author_algorithm > kEcdsaP384Sha384) {
    return Refuse(StrCat("author key algorithm ", author_algorithm, " is not 0 or 1"));
  }
  if (!ReservedIsZero(id_auth)) return Refuse("reserved bytes are not zero");
  const ByteView id = id_auth.subspan(kIdKey, kKeySize);
  const ByteView author = id_auth.subspan(kAuthorKey, kKeySize);
  const ByteView key_signature = id_auth.subspan(kKeySignature, kSignatureSize);
  ASSIGN_OR_RETURN(const crypto::PublicKey id_key, ParseKey(id), "ID key");
  RETURN_IF_ERROR(Verify(id_key, id_block, id_auth.subspan(kBlockSignature, kSignatureSize),
                         "signature over the ID block"));
  IdAuthInfo info{.id_key_digest = DigestOf(id)};
  if (author_algorithm == 0) {
    if (!AllZero(author) || !AllZero(key_signature)) return Refuse("an author key of no algorithm");
    return info;
  }
  ASSIGN_OR_RETURN(const crypto::PublicKey author_key, ParseKey(author), "author key");
  RETURN_IF_ERROR(Verify(author_key, id, key_signature, "signature over the ID key"));
  info.has_author_key = true;
  info.author_key_digest = DigestOf(author);
  return info;
}

}  // namespace nacre::tee::sev
