// ML-KEM-768+A192KW (draft-ietf-jose-pqc-kem-05): the shared secret gives a key wrap key by
// KMAC256, with the fixed input that peers read out of the draft, which leaves it open: the
// algorithm's name behind its length, then the wanted bits, as RFC 7518 section 4.6.2 has them and
// without the parties.
#include <openssl/core_names.h>

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/aes_key_wrap.h"
#include "crypto/jwe.h"
#include "crypto/jwe_content.h"
#include "crypto/jwe_parts.h"
#include "crypto/ml_kem.h"
#include "crypto/openssl_util.h"
#include "crypto/random.h"

namespace nacre::crypto {
namespace {

constexpr size_t kWrapKeySize = 24;

SecretBytes WrapKey(ByteView shared_secret) {
  const std::string_view name = JweAlgorithmName(JweAlgorithm::kMlKem768A192Kw);
  ByteWriter input;
  input.U32Be(static_cast<uint32_t>(name.size())).Put(name).U32Be(8 * kWrapKeySize);
  size_t wanted = kWrapKeySize;
  size_t size = 0;
  OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &wanted),
                         OSSL_PARAM_construct_end()};
  SecretBytes out(kWrapKeySize);
  Must(EVP_Q_mac(nullptr, "KMAC256", nullptr, nullptr, params, shared_secret.data(),
                 shared_secret.size(), input.bytes().data(), input.bytes().size(),
                 out.mutable_view().data(), out.size(), &size) != nullptr &&
           size == kWrapKeySize,
       "KMAC256");
  return out;
}

absl::StatusOr<SecretBytes> Open(const JweRecipient& recipient, const JweParts& jwe,
                                 const MlKemPrivateKey& key) {
  ASSIGN_OR_RETURN(const Bytes ciphertext, JweBinary(recipient.header, "ek"));
  ASSIGN_OR_RETURN(const SecretBytes shared, key.Decapsulate(ciphertext));
  ASSIGN_OR_RETURN(const SecretBytes content_key,
                   AesKeyUnwrap(WrapKey(shared.view()).view(), recipient.encrypted_key));
  return OpenJweContent(jwe.encryption, content_key.view(),
                        {jwe.iv, AsBytes(jwe.aad), jwe.ciphertext, jwe.tag});
}

}  // namespace

absl::StatusOr<std::string> JweEncrypt(const MlKemPublicKey& recipient, ByteView plaintext) {
  const MlKemEncapsulation kem = recipient.Encapsulate();
  SealedJweKey sealed;
  sealed.header_member = StrCat(R"("ek":")", Base64UrlEncode(kem.ciphertext), "\"");
  sealed.content_key = RandomSecret(JweContentKeySize(kWrittenJweEncryption));
  ASSIGN_OR_RETURN(sealed.encrypted_key,
                   AesKeyWrap(WrapKey(kem.shared_secret.view()).view(), sealed.content_key.view()));
  return WriteJwe(JweAlgorithmName(JweAlgorithm::kMlKem768A192Kw), sealed, plaintext);
}

absl::StatusOr<SecretBytes> JweDecrypt(std::string_view text, const MlKemPrivateKey& key) {
  ASSIGN_OR_RETURN(const JweParts jwe, ParseJwe(text, kBrokerJweEncryptions));
  bool tried = false;
  for (const JweRecipient& recipient : jwe.recipients) {
    ASSIGN_OR_RETURN(const std::string name, JsonString(recipient.header, "alg", "JWE: header"));
    if (name != JweAlgorithmName(JweAlgorithm::kMlKem768A192Kw)) continue;
    tried = true;
    absl::StatusOr<SecretBytes> plaintext = Open(recipient, jwe, key);
    if (plaintext.ok()) return plaintext;
  }
  return JweNotOpened(tried);
}

}  // namespace nacre::crypto
