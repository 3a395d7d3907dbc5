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
#include "crypto/jwk.h"
#include "crypto/random.h"
#include "crypto/rsa_pkcs1.h"

namespace nacre::crypto {
namespace {

constexpr JweEncryption kWrittenEncryption = JweEncryption::kA256Gcm;

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
    {JweAlgorithm::kRsa15, "RSA1_5", 0, nullptr}};

const AlgorithmFacts& Facts(JweAlgorithm algorithm) {
  return kAlgorithms[static_cast<size_t>(algorithm)];
}

// One recipient of a JWE being read: the union of all headers that concern it, and its key.
struct Recipient {
  Json header = Json::object();
  Bytes encrypted_key;
};

struct ParsedJwe {
  std::vector<Recipient> recipients;
  JweEncryption encryption;  // the same for all recipients
  std::string aad;           // as authenticated
  Bytes iv;
  Bytes ciphertext;
  Bytes tag;
};

std::string Names(std::span<const JweEncryption> encryptions) {
  std::vector<std::string_view> names;
  for (JweEncryption encryption : encryptions) names.push_back(JweEncryptionName(encryption));
  return StrJoin(names, ", ");
}

absl::StatusOr<Bytes> OptionalBinary(const Json& object, std::string_view key) {
  if (!object.contains(key)) return Bytes();
  ASSIGN_OR_RETURN(std::string text, JsonString(object, key, "JWE"));
  ASSIGN_OR_RETURN(Bytes value, Base64UrlDecode(text), StrCat("JWE: member '", key, "'"));
  return value;
}

absl::StatusOr<Bytes> Binary(const Json& object, std::string_view key) {
  RETURN_IF_ERROR(JsonMember(object, key, "JWE").status());
  return OptionalBinary(object, key);
}

// RFC 7516 section 4: no name may occur in two of the headers.
absl::Status Merge(const Json& from, Json& into) {
  if (!from.is_object()) return absl::InvalidArgumentError("JWE: a header is not an object");
  for (const auto& item : from.items()) {
    if (into.contains(item.key())) {
      return absl::InvalidArgumentError(StrCat("JWE: header member '", item.key(), "' twice"));
    }
    into[item.key()] = item.value();
  }
  return absl::OkStatus();
}

absl::StatusOr<Recipient> ReadRecipient(const Json& object, const Json& shared_header) {
  Recipient recipient;
  recipient.header = shared_header;
  if (object.contains("header")) RETURN_IF_ERROR(Merge(object["header"], recipient.header));
  for (const char* member : {"crit", "zip"}) {
    if (recipient.header.contains(member)) {
      return absl::InvalidArgumentError(StrCat("JWE: header member '", member, "' is refused"));
    }
  }
  ASSIGN_OR_RETURN(recipient.encrypted_key, OptionalBinary(object, "encrypted_key"));
  return recipient;
}

absl::StatusOr<std::vector<Recipient>> ReadRecipients(const Json& jwe, const Json& shared_header) {
  std::vector<Recipient> out;
  if (!jwe.contains("recipients")) {
    ASSIGN_OR_RETURN(Recipient recipient, ReadRecipient(jwe, shared_header));
    out.push_back(std::move(recipient));
    return out;
  }
  if (jwe.contains("header")) return absl::InvalidArgumentError("JWE: both flattened and general");
  ASSIGN_OR_RETURN(const Json* recipients, JsonArray(jwe, "recipients", "JWE"));
  if (recipients->empty() || recipients->size() > kMaxJweRecipients) {
    return absl::InvalidArgumentError(
        StrCat("JWE: ", recipients->size(), " recipients, must be 1 to ", kMaxJweRecipients));
  }
  for (const Json& object : *recipients) {
    if (!object.is_object()) return absl::InvalidArgumentError("JWE: recipient is not an object");
    ASSIGN_OR_RETURN(Recipient recipient, ReadRecipient(object, shared_header));
    out.push_back(std::move(recipient));
  }
  // The tools' library writes the first recipient's key once more outside; that changes nothing.
  ASSIGN_OR_RETURN(Bytes again, OptionalBinary(jwe, "encrypted_key"));
  if (jwe.contains("encrypted_key") && again != out[0].encrypted_key) {
    return absl::InvalidArgumentError("JWE: both flattened and general");
  }
  return out;
}

absl::StatusOr<Json> SharedHeader(const Json& jwe, std::string* protected_text) {
  Json shared = Json::object();
  if (jwe.contains("protected")) {
    ASSIGN_OR_RETURN(*protected_text, JsonString(jwe, "protected", "JWE"));
    ASSIGN_OR_RETURN(Bytes decoded, Base64UrlDecode(*protected_text), "JWE: protected header");
    ASSIGN_OR_RETURN(Json header, ParseJson(AsText(decoded)), "JWE: protected header");
    RETURN_IF_ERROR(Merge(header, shared));
  }
  if (jwe.contains("unprotected")) RETURN_IF_ERROR(Merge(jwe["unprotected"], shared));
  return shared;
}

// RFC 7516 section 7.2.1: one content, so one "enc" for all.
absl::StatusOr<JweEncryption> ReadEncryption(const std::vector<Recipient>& recipients,
                                             std::span<const JweEncryption> accepted) {
  std::optional<std::string> common;
  for (const Recipient& recipient : recipients) {
    ASSIGN_OR_RETURN(std::string name, JsonString(recipient.header, "enc", "JWE: header"));
    if (common.has_value() && *common != name) {
      return absl::InvalidArgumentError("JWE: recipients name different enc");
    }
    common = std::move(name);
  }
  for (JweEncryption encryption : accepted) {
    if (common == JweEncryptionName(encryption)) return encryption;
  }
  return absl::InvalidArgumentError(StrCat("JWE: enc must be ", Names(accepted)));
}

absl::StatusOr<ParsedJwe> Parse(std::string_view text, std::span<const JweEncryption> accepted) {
  ASSIGN_OR_RETURN(Json jwe, ParseJson(text, {.max_size = kMaxJweSize}), "JWE");
  if (!jwe.is_object()) return absl::InvalidArgumentError("JWE: not an object");
  ParsedJwe parsed;
  ASSIGN_OR_RETURN(Json shared, SharedHeader(jwe, &parsed.aad));
  ASSIGN_OR_RETURN(parsed.recipients, ReadRecipients(jwe, shared));
  ASSIGN_OR_RETURN(parsed.encryption, ReadEncryption(parsed.recipients, accepted));
  ASSIGN_OR_RETURN(parsed.iv, Binary(jwe, "iv"));
  ASSIGN_OR_RETURN(parsed.ciphertext, Binary(jwe, "ciphertext"));
  ASSIGN_OR_RETURN(parsed.tag, Binary(jwe, "tag"));
  RETURN_IF_ERROR(CheckJweContent(parsed.encryption, parsed.iv, parsed.tag));
  if (jwe.contains("aad")) {
    ASSIGN_OR_RETURN(std::string aad, JsonString(jwe, "aad", "JWE"));
    StrAppend(&parsed.aad, ".", aad);
  }
  return parsed;
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

absl::StatusOr<SecretBytes> OpenEcdh(const Recipient& recipient, const PrivateKey& key,
                                     const AlgorithmFacts& facts, JweEncryption encryption) {
  ASSIGN_OR_RETURN(const Json* epk, JsonObject(recipient.header, "epk", "JWE: header"));
  ASSIGN_OR_RETURN(PublicKey ephemeral, PublicKeyFromJwk(*epk), "JWE: epk");
  ASSIGN_OR_RETURN(Bytes party_u, OptionalBinary(recipient.header, "apu"));
  ASSIGN_OR_RETURN(Bytes party_v, OptionalBinary(recipient.header, "apv"));
  ASSIGN_OR_RETURN(SecretBytes shared, key.Ecdh(ephemeral));
  SecretBytes derived = DeriveKey(shared.view(), facts, encryption, party_u, party_v);
  if (facts.wrap_bits != 0) return AesKeyUnwrap(derived.view(), recipient.encrypted_key);
  if (!recipient.encrypted_key.empty()) {
    return absl::InvalidArgumentError("JWE: ECDH-ES with an encrypted key");
  }
  return derived;
}

absl::StatusOr<SecretBytes> OpenContentKey(const Recipient& recipient, const PrivateKey& key,
                                           const AlgorithmFacts& facts, JweEncryption encryption) {
  if (facts.oaep_hash != nullptr) {
    return key.DecryptRsaOaep(facts.oaep_hash, recipient.encrypted_key);
  }
  return OpenEcdh(recipient, key, facts, encryption);
}

absl::StatusOr<SecretBytes> OpenFor(const Recipient& recipient, const ParsedJwe& jwe,
                                    const PrivateKey& key, const AlgorithmFacts& facts) {
  ASSIGN_OR_RETURN(SecretBytes content_key, OpenContentKey(recipient, key, facts, jwe.encryption));
  return OpenJweContent(jwe.encryption, content_key.view(),
                        {jwe.iv, AsBytes(jwe.aad), jwe.ciphertext, jwe.tag});
}

bool Fits(const AlgorithmFacts& facts, KeyKind kind) {
  const bool rsa = facts.oaep_hash != nullptr || facts.algorithm == JweAlgorithm::kRsa15;
  return rsa == (kind == KeyKind::kRsa);
}

struct Sealed {
  std::string epk;  // JSON text, empty without ECDH
  Bytes encrypted_key;
  SecretBytes content_key;
};

absl::StatusOr<Sealed> SealContentKey(const PublicKey& recipient, const AlgorithmFacts& facts) {
  Sealed sealed;
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
  ASSIGN_OR_RETURN(Json epk, PublicKeyToJwk(ephemeral.public_key()));
  ASSIGN_OR_RETURN(sealed.epk, DumpJson(epk));
  ASSIGN_OR_RETURN(SecretBytes shared, ephemeral.Ecdh(recipient));
  SecretBytes derived = DeriveKey(shared.view(), facts, kWrittenEncryption, {}, {});
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
    if (facts.name == name && facts.algorithm != JweAlgorithm::kRsa15) return facts.algorithm;
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
  ASSIGN_OR_RETURN(Sealed sealed, SealContentKey(recipient, facts), "JWE");
  std::string header = StrCat(R"({"alg":")", facts.name, R"(","enc":")",
                              JweEncryptionName(kWrittenEncryption), "\"");
  if (!sealed.epk.empty()) StrAppend(&header, R"(,"epk":)", sealed.epk);
  header += "}";
  std::string protected_text = Base64UrlEncode(AsBytes(header));
  Bytes iv = RandomBytes(kGcmIvSize);
  ASSIGN_OR_RETURN(
      Bytes out, Aes256GcmSeal(sealed.content_key.view(), iv, AsBytes(protected_text), plaintext));
  ByteView tag = ByteView(out).last(kGcmTagSize);
  Json jwe = {{"protected", protected_text},
              {"iv", Base64UrlEncode(iv)},
              {"ciphertext", Base64UrlEncode(ByteView(out).first(out.size() - kGcmTagSize))},
              {"tag", Base64UrlEncode(tag)}};
  // An empty encrypted key is left out (RFC 7516 section 7.2.1).
  if (!sealed.encrypted_key.empty()) jwe["encrypted_key"] = Base64UrlEncode(sealed.encrypted_key);
  return DumpJson(jwe);
}

absl::StatusOr<SecretBytes> JweDecrypt(std::string_view text, const PrivateKey& key,
                                       std::span<const JweAlgorithm> allowed,
                                       std::span<const JweEncryption> encryptions) {
  ASSIGN_OR_RETURN(ParsedJwe jwe, Parse(text, encryptions));
  bool tried = false;
  for (const Recipient& recipient : jwe.recipients) {
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
  if (!tried) return absl::InvalidArgumentError("JWE: no recipient with an allowed algorithm");
  // One answer for every way it can fail (RFC 7516 section 11.5).
  return absl::UnauthenticatedError("JWE: not for this key, or changed");
}

}  // namespace nacre::crypto
