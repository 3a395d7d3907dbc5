// A random seed is sent to the endorsement key: encrypted with RSA-OAEP, or derived from an
// ephemeral key's agreement with it. From the seed come a key that hides the secret and a key that
// binds it to the name of the attestation key. A TPM that opens it proves that it holds both keys.

#include "tee/tpm/credential.h"

#include "base/secret_bytes.h"
#include "base/strings.h"
#include "crypto/aes_cfb.h"
#include "crypto/hmac.h"
#include "crypto/random.h"
#include "tee/tpm/marshal.h"

namespace nacre::tee::tpm {
namespace {

using crypto::HashAlgorithm;

constexpr std::string_view kIdentity("IDENTITY\0", 9);

// What the default templates use beside the key itself.
struct Template {
  HashAlgorithm hash;
  uint32_t aes_bits;
};

absl::StatusOr<Template> TemplateOf(const crypto::PublicKey& key) {
  if (key.kind() == crypto::KeyKind::kRsa) {
    ASSIGN_OR_RETURN(crypto::RsaNumbers numbers, key.ToRsaNumbers());
    if (numbers.modulus.size() == 256) return Template{HashAlgorithm::kSha256, 128};
    if (numbers.modulus.size() == 384 || numbers.modulus.size() == 512) {
      return Template{HashAlgorithm::kSha384, 256};
    }
    return absl::InvalidArgumentError(
        StrCat("endorsement key: RSA of ", 8 * numbers.modulus.size(), " bits has no template"));
  }
  ASSIGN_OR_RETURN(crypto::Curve curve, key.curve());
  switch (curve) {
    case crypto::Curve::kP256:
      return Template{HashAlgorithm::kSha256, 128};
    case crypto::Curve::kP384:
      return Template{HashAlgorithm::kSha384, 256};
    case crypto::Curve::kP521:
      return Template{HashAlgorithm::kSha512, 256};
  }
  return absl::InvalidArgumentError("endorsement key: unknown curve");
}

struct Seed {
  Bytes value;
  Bytes encrypted;
};

absl::StatusOr<Seed> RsaSeed(const crypto::PublicKey& key, HashAlgorithm hash) {
  Seed seed;
  seed.value = crypto::RandomBytes(crypto::DigestSize(hash));
  const char* name = hash == HashAlgorithm::kSha256 ? "SHA256" : "SHA384";
  ASSIGN_OR_RETURN(seed.encrypted, key.EncryptRsaOaep(name, seed.value, AsBytes(kIdentity)));
  return seed;
}

// KDFe (part 1, section 11.4.10.3) of one block: the digest is as long as what is wanted.
absl::StatusOr<Seed> EcSeed(const crypto::PublicKey& key, HashAlgorithm hash) {
  ASSIGN_OR_RETURN(crypto::EcPoint point, key.ToEcPoint());
  ASSIGN_OR_RETURN(crypto::PrivateKey ephemeral, crypto::PrivateKey::GenerateEc(point.curve));
  ASSIGN_OR_RETURN(crypto::EcPoint ours, ephemeral.public_key().ToEcPoint());
  ASSIGN_OR_RETURN(SecretBytes shared, ephemeral.Ecdh(key));
  ByteWriter input;
  input.U32Be(1).Put(shared.view()).Put(kIdentity).Put(ours.x).Put(point.x);
  Seed seed;
  seed.value = crypto::Digest(hash, input.bytes());
  ByteWriter encrypted;
  PutSized(encrypted, ours.x);
  PutSized(encrypted, ours.y);
  seed.encrypted = encrypted.Release();
  return seed;
}

}  // namespace

Bytes KdfA(HashAlgorithm hash, ByteView key, std::string_view label, ByteView context_u,
           ByteView context_v, uint32_t bits) {
  Bytes out;
  for (uint32_t counter = 1; out.size() < bits / 8; ++counter) {
    ByteWriter input;
    input.U32Be(counter).Put(label).U8(0).Put(context_u).Put(context_v).U32Be(bits);
    const Bytes block = crypto::Hmac(hash, key, input.bytes());
    out.insert(out.end(), block.begin(), block.end());
  }
  out.resize(bits / 8);
  return out;
}

absl::StatusOr<Credential> MakeCredential(const crypto::PublicKey& endorsement_key, ByteView name,
                                          ByteView secret) {
  if (secret.size() > kMaxCredentialSize) {
    return absl::InvalidArgumentError(StrCat("credential of ", secret.size(), " bytes"));
  }
  ASSIGN_OR_RETURN(Template used, TemplateOf(endorsement_key));
  ASSIGN_OR_RETURN(Seed seed, endorsement_key.kind() == crypto::KeyKind::kRsa
                                  ? RsaSeed(endorsement_key, used.hash)
                                  : EcSeed(endorsement_key, used.hash));
  const uint32_t hash_bits = static_cast<uint32_t>(8 * crypto::DigestSize(used.hash));
  const Bytes aes_key = KdfA(used.hash, seed.value, "STORAGE", name, {}, used.aes_bits);
  const Bytes mac_key = KdfA(used.hash, seed.value, "INTEGRITY", {}, {}, hash_bits);
  ByteWriter plain;
  PutSized(plain, secret);
  ASSIGN_OR_RETURN(Bytes hidden, crypto::AesCfbEncrypt(aes_key, Bytes(16), plain.bytes()));
  ByteWriter bound;
  bound.Put(hidden).Put(name);
  ByteWriter id_object;
  PutSized(id_object, crypto::Hmac(used.hash, mac_key, bound.bytes()));
  return Credential{id_object.Put(hidden).Release(), std::move(seed.encrypted)};
}

}  // namespace nacre::tee::tpm
