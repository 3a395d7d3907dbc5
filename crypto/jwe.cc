// One JWE: a content key encrypted for a recipient ("encrypted_key", by the "alg" of the header)
// and the content encrypted with it (by the "enc"; see jwe_content.h). The protected header is
// additional authenticated data as the base64url text it came in, so a parsed header is never
// written again when a JWE is opened.
#include "crypto/jwe.h"

#include <algorithm>
#include <optional>

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/aead.h"
#include "crypto/aes_key_wrap.h"
#include "crypto/jwe_content.h"
#include "crypto/jwe_parts.h"
#include "crypto/jwk.h"
#include "crypto/random.h"
#include "crypto/rsa_pkcs1.h"

namespace nacre::crypto {
namespace {

struct AlgorithmFacts {
  JweAlgorithm algorithm;
  std::string_view name;
  uint32_t wrap_bits;     // key wrap key of ECDH-ES+A..KW; 0 for the others
  const char* oaep_hash;  // of RSA-OAEP; nullptr for the others
};
constexpr AlgorithmFacts kAlgorithms[] = {
    {JweAlgorithm::kEcdhEs, "ECDH-ES", 0, nullptr},
    {JweAlgorithm::kEcdhEsA128Kw, "ECDH-ES+A128KW", 128, nullptr},
    {JweAlgorithm::kEcdhEsA192Kw, "ECDH-ES+A192KW", 192, nullptr},
    {JweAlgorithm::kEcdhEsA256Kw, "ECDH-ES+A256KW", 256, nullptr},
    {JweAlgorithm::kRsaOaep, "RSA-OAEP", 0, "SHA1"},
    {JweAlgorithm::kRsaOaep256, "RSA-OAEP-256", 0, "SHA256"},
    {JweAlgorithm::kRsa15, "RSA1_5", 0, nullptr},
    {JweAlgorithm::kMlKem768A192Kw, "ML-KEM-768+A192KW", 192, nullptr}};

const AlgorithmFacts& Facts(JweAlgorithm algorithm) {
  return kAlgorithms[static_cast<size_t>(algorithm)];
}

// What ECDH-ES gives: the content key itself, or the key that wraps it.
SecretBytes DeriveKey(ByteView shared_secret, const AlgorithmFacts& facts, JweEncryption encryption,
                      ByteView party_u, ByteView party_v) {
  if (facts.wrap_bits == 0) {
    const auto bits = static_cast<uint32_t>(8 * JweContentKeySize(encryption));
    return JweConcatKdf(shared_secret, JweEncryptionName(encryption), party_u, party_v, bits);
  }
  return JweConcatKdf(shared_secret, facts.name, party_u, party_v, facts.wrap_bits);
}

absl::StatusOr<SecretBytes> OpenEcdh(const JweRecipient& recipient, const PrivateKey& key,
                                     const AlgorithmFacts& facts, JweEncryption encryption) {
  ASSIGN_OR_RETURN(const Json* epk, JsonObject(recipient.header, "epk", "JWE: header"));
  ASSIGN_OR_RETURN(PublicKey ephemeral, PublicKeyFromJwk(*epk), "JWE: epk");
  ASSIGN_OR_RETURN(Bytes party_u, JweBinary(recipient.header, "apu"));
  ASSIGN_OR_RETURN(Bytes party_v, JweBinary(recipient.header, "apv"));
  ASSIGN_OR_RETURN(SecretBytes shared, key.Ecdh(ephemeral));
  SecretBytes derived = DeriveKey(shared.view(), facts, encryption, party_u, party_v);
  if (facts.wrap_bits != 0) return AesKeyUnwrap(derived.view(), recipient.encrypted_key);
  if (!recipient.encrypted_key.empty()) {
    return absl::InvalidArgumentError("JWE: ECDH-ES with an encrypted key");
  }
  return derived;
}

absl::StatusOr<SecretBytes> OpenContentKey(const JweRecipient& recipient, const PrivateKey& key,
                                           const AlgorithmFacts& facts, JweEncryption encryption) {
  if (facts.oaep_hash != nullptr) {
    return key.DecryptRsaOaep(facts.oaep_hash, recipient.encrypted_key);
  }
  return OpenEcdh(recipient, key, facts, encryption);
}

absl::StatusOr<SecretBytes> OpenFor(const JweRecipient& recipient, const JweParts& jwe,
                                    const PrivateKey& key, const AlgorithmFacts& facts) {
  ASSIGN_OR_RETURN(SecretBytes content_key, OpenContentKey(recipient, key, facts, jwe.encryption));
  return OpenJweContent(jwe.encryption, content_key.view(),
                        {jwe.iv, AsBytes(jwe.aad), jwe.ciphertext, jwe.tag});
}

bool Fits(const AlgorithmFacts& facts, KeyKind kind) {
  if (facts.algorithm == JweAlgorithm::kMlKem768A192Kw) return false;
  const bool rsa = facts.oaep_hash != nullptr || facts.algorithm == JweAlgorithm::kRsa15;
  return rsa == (kind == KeyKind::kRsa);
}

// As DumpJson writes what PublicKeyToJwk makes.
absl::StatusOr<std::string> EcJwkText(const PublicKey& key) {
  ASSIGN_OR_RETURN(const EcPoint point, key.ToEcPoint());
  return StrCat(R"({"crv":")", CurveName(point.curve), R"(","kty":"EC","x":")",
                Base64UrlEncode(point.x), R"(","y":")", Base64UrlEncode(point.y), "\"}");
}

absl::StatusOr<SealedJweKey> SealContentKey(const PublicKey& recipient,
                                            const AlgorithmFacts& facts) {
  SealedJweKey sealed;
  if (facts.algorithm == JweAlgorithm::kRsa15) {
    sealed.content_key = RandomSecret(kAes256KeySize);
    ASSIGN_OR_RETURN(sealed.encrypted_key, EncryptRsaPkcs1(recipient, sealed.content_key.view()));
    return sealed;
  }
  if (facts.oaep_hash != nullptr) {
    sealed.content_key = RandomSecret(kAes256KeySize);
    ASSIGN_OR_RETURN(sealed.encrypted_key,
                     recipient.EncryptRsaOaep(facts.oaep_hash, sealed.content_key.view()));
    return sealed;
  }
  ASSIGN_OR_RETURN(Curve curve, recipient.curve());
  ASSIGN_OR_RETURN(PrivateKey ephemeral, PrivateKey::GenerateEc(curve));
  ASSIGN_OR_RETURN(const std::string epk_text, EcJwkText(ephemeral.public_key()));
  sealed.header_member = StrCat(R"("epk":)", epk_text);
  ASSIGN_OR_RETURN(SecretBytes shared, ephemeral.Ecdh(recipient));
  SecretBytes derived = DeriveKey(shared.view(), facts, kWrittenJweEncryption, {}, {});
  if (facts.wrap_bits == 0) {
    sealed.content_key = std::move(derived);
    return sealed;
  }
  sealed.content_key = RandomSecret(kAes256KeySize);
  ASSIGN_OR_RETURN(sealed.encrypted_key, AesKeyWrap(derived.view(), sealed.content_key.view()));
  return sealed;
}

}  // namespace

std::string_view JweAlgorithmName(JweAlgorithm algorithm) { return Facts(algorithm).name; }

absl::StatusOr<JweAlgorithm> ParseJweAlgorithm(std::string_view name) {
  for (const AlgorithmFacts& facts : kAlgorithms) {
    const bool apart =
        facts.algorithm == JweAlgorithm::kRsa15 || facts.algorithm == JweAlgorithm::kMlKem768A192Kw;
    if (facts.name == name && !apart) return facts.algorithm;
  }
  return absl::InvalidArgumentError("JWE: alg is not one that is offered");
}

SecretBytes JweConcatKdf(ByteView shared_secret, std::string_view algorithm_id, ByteView party_u,
                         ByteView party_v, uint32_t bits) {
  auto sized = [](ByteWriter& writer, ByteView data) {
    writer.U32Be(static_cast<uint32_t>(data.size())).Put(data);
  };
  ByteWriter other_info;
  sized(other_info, AsBytes(algorithm_id));
  sized(other_info, party_u);
  sized(other_info, party_v);
  other_info.U32Be(bits);
  SecretBytes key(bits / 8);
  std::span<uint8_t> left = key.mutable_view();
  for (uint32_t counter = 1; !left.empty(); ++counter) {
    Hasher hasher(HashAlgorithm::kSha256);
    hasher.Update(ByteWriter().U32Be(counter).Release());
    hasher.Update(shared_secret);
    hasher.Update(other_info.bytes());
    const SecretBytes round = SecretBytes::TakeFrom(hasher.Finish());
    const size_t count = std::min(round.size(), left.size());
    std::copy_n(round.view().begin(), count, left.begin());
    left = left.subspan(count);
  }
  return key;
}

absl::StatusOr<std::string> JweEncrypt(const PublicKey& recipient, JweAlgorithm algorithm,
                                       ByteView plaintext) {
  const AlgorithmFacts& facts = Facts(algorithm);
  if (!Fits(facts, recipient.kind())) {
    return absl::InvalidArgumentError(StrCat("JWE: ", facts.name, " does not fit the key"));
  }
  ASSIGN_OR_RETURN(SealedJweKey sealed, SealContentKey(recipient, facts), "JWE");
  return WriteJwe(facts.name, sealed, plaintext);
}

absl::StatusOr<SecretBytes> JweDecrypt(std::string_view text, const PrivateKey& key,
                                       std::span<const JweAlgorithm> allowed,
                                       std::span<const JweEncryption> encryptions) {
  ASSIGN_OR_RETURN(JweParts jwe, ParseJwe(text, encryptions));
  bool tried = false;
  for (const JweRecipient& recipient : jwe.recipients) {
    ASSIGN_OR_RETURN(std::string name, JsonString(recipient.header, "alg", "JWE: header"));
    absl::StatusOr<JweAlgorithm> algorithm = ParseJweAlgorithm(name);
    if (!algorithm.ok() || std::find(allowed.begin(), allowed.end(), *algorithm) == allowed.end()) {
      continue;
    }
    const AlgorithmFacts& facts = Facts(*algorithm);
    tried = true;
    if (!Fits(facts, key.kind())) continue;
    absl::StatusOr<SecretBytes> plaintext = OpenFor(recipient, jwe, key, facts);
    if (plaintext.ok()) return plaintext;
  }
  return JweNotOpened(tried);
}

}  // namespace nacre::crypto
