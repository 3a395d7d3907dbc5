// The CBC kind (RFC 7518 section 5.2) cuts its key in halves: the first authenticates (HMAC over
// additional data, iv, ciphertext and the bit length of the additional data, itself cut to half),
// the second encrypts. The HMAC is checked before anything is decrypted, so the padding tells
// nothing to anybody.
#include "crypto/jwe_content.h"

#include <climits>
#include <optional>

#include "base/strings.h"
#include "crypto/aead.h"
#include "crypto/hmac.h"
#include "crypto/openssl_util.h"

namespace nacre::crypto {
namespace {

constexpr size_t kCbcIvSize = 16;

struct EncryptionFacts {
  JweEncryption encryption;
  std::string_view name;
  size_t key_size;
  std::optional<HashAlgorithm> hash;  // of the CBC kind
};
constexpr EncryptionFacts kEncryptions[] = {
    {JweEncryption::kA128Gcm, "A128GCM", 16, {}},
    {JweEncryption::kA192Gcm, "A192GCM", 24, {}},
    {JweEncryption::kA256Gcm, "A256GCM", 32, {}},
    {JweEncryption::kA128CbcHs256, "A128CBC-HS256", 32, HashAlgorithm::kSha256},
    {JweEncryption::kA192CbcHs384, "A192CBC-HS384", 48, HashAlgorithm::kSha384},
    {JweEncryption::kA256CbcHs512, "A256CBC-HS512", 64, HashAlgorithm::kSha512}};

const EncryptionFacts& Facts(JweEncryption encryption) {
  return kEncryptions[static_cast<size_t>(encryption)];
}

size_t IvSize(const EncryptionFacts& facts) { return facts.hash ? kCbcIvSize : kGcmIvSize; }
size_t TagSize(const EncryptionFacts& facts) {
  return facts.hash ? facts.key_size / 2 : kGcmTagSize;
}

const EVP_CIPHER* CbcCipher(size_t key_size) {
  return key_size == 16   ? EVP_aes_128_cbc()
         : key_size == 24 ? EVP_aes_192_cbc()
                          : EVP_aes_256_cbc();
}

absl::StatusOr<SecretBytes> DecryptCbc(ByteView key, ByteView iv, ByteView ciphertext) {
  const absl::Status refused = absl::UnauthenticatedError("AES-CBC: does not decrypt");
  if (ciphertext.empty() || ciphertext.size() > INT_MAX) return refused;
  CipherPtr context(EVP_CIPHER_CTX_new());
  SecretBytes room(ciphertext.size() + kCbcIvSize);
  int size = 0, rest = 0;
  Must(context != nullptr && EVP_DecryptInit_ex2(context.get(), CbcCipher(key.size()), key.data(),
                                                 iv.data(), nullptr) == 1,
       "AES-CBC");
  uint8_t* out = room.mutable_view().data();
  if (EVP_DecryptUpdate(context.get(), out, &size, ciphertext.data(),
                        static_cast<int>(ciphertext.size())) != 1 ||
      EVP_DecryptFinal_ex(context.get(), out + size, &rest) != 1) {
    return OpensslStatus(absl::StatusCode::kUnauthenticated, "AES-CBC: does not decrypt");
  }
  return SecretBytes::CopyOf(room.view().first(static_cast<size_t>(size + rest)));
}

absl::StatusOr<SecretBytes> OpenCbc(const EncryptionFacts& facts, ByteView key,
                                    const JweContent& content) {
  const ByteView mac_key = key.first(key.size() / 2);
  const ByteView cipher_key = key.subspan(key.size() / 2);
  const uint64_t aad_bits = uint64_t{8} * content.aad.size();
  ByteWriter authenticated;
  authenticated.Put(content.aad).Put(content.iv).Put(content.ciphertext).U64Be(aad_bits);
  const Bytes mac = Hmac(*facts.hash, mac_key, authenticated.bytes());
  if (!ConstantTimeEqual(ByteView(mac).first(TagSize(facts)), content.tag)) {
    return absl::UnauthenticatedError("JWE: does not authenticate");
  }
  return DecryptCbc(cipher_key, content.iv, content.ciphertext);
}

}  // namespace

std::string_view JweEncryptionName(JweEncryption encryption) { return Facts(encryption).name; }

size_t JweContentKeySize(JweEncryption encryption) { return Facts(encryption).key_size; }

absl::Status CheckJweContent(JweEncryption encryption, ByteView iv, ByteView tag) {
  const EncryptionFacts& facts = Facts(encryption);
  if (iv.size() == IvSize(facts) && tag.size() == TagSize(facts)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      StrCat("JWE: iv must have ", IvSize(facts), " bytes and tag ", TagSize(facts)));
}

absl::StatusOr<SecretBytes> OpenJweContent(JweEncryption encryption, ByteView key,
                                           const JweContent& content) {
  const EncryptionFacts& facts = Facts(encryption);
  if (key.size() != facts.key_size) {
    return absl::UnauthenticatedError(StrCat("JWE: content key of ", key.size(), " bytes"));
  }
  RETURN_IF_ERROR(CheckJweContent(encryption, content.iv, content.tag));
  if (facts.hash.has_value()) return OpenCbc(facts, key, content);
  Bytes sealed = ToBytes(content.ciphertext);
  sealed.insert(sealed.end(), content.tag.begin(), content.tag.end());
  return AesGcmOpen(key, content.iv, content.aad, sealed);
}

}  // namespace nacre::crypto
