// JSON Web Encryption (RFC 7516) in its JSON serialisations. Content is written with A256GCM; a
// reader may accept the other content encryptions of RFC 7518 section 5 too.
//
// Written: the flattened form with everything in "protected", compact, "alg" and "enc" first and
// the rest sorted, as Confidential Containers' clients need it (they rebuild that text for the
// additional authenticated data). Read: flattened and general, with the headers split in any way
// the RFC allows. "crit" and "zip" are refused. RSA1_5 is written for who asks for it and never
// read.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/secret_bytes.h"
#include "crypto/key.h"

namespace nacre::crypto {

class MlKemPrivateKey;
class MlKemPublicKey;

enum class JweAlgorithm {
  kEcdhEs,
  kEcdhEsA128Kw,
  kEcdhEsA192Kw,
  kEcdhEsA256Kw,
  kRsaOaep,     // OAEP with SHA-1: what image encryption tools write for RSA keys
  kRsaOaep256,  // OAEP with SHA-256
  kRsa15,       // PKCS #1 v1.5: only JweEncrypt knows it
  // "ML-KEM-768+A192KW" (draft-ietf-jose-pqc-kem-05, of which revision 06 has dropped JOSE): peers'
  // brokers and guests have it as an experiment, and so it is ours. For MlKem keys only.
  kMlKem768A192Kw,
};

std::string_view JweAlgorithmName(JweAlgorithm algorithm);  // "ECDH-ES+A256KW"
// kInvalidArgument for a name that is not above, and for RSA1_5 and ML-KEM: no list of algorithms
// to accept can have them.
absl::StatusOr<JweAlgorithm> ParseJweAlgorithm(std::string_view name);

// What the guest's side of a broker accepts, and what ocicrypt's jwe scheme writes.
inline constexpr JweAlgorithm kBrokerJweAlgorithms[] = {JweAlgorithm::kEcdhEsA256Kw,
                                                        JweAlgorithm::kRsaOaep256};
inline constexpr JweAlgorithm kImageJweAlgorithms[] = {
    JweAlgorithm::kEcdhEs,       JweAlgorithm::kEcdhEsA128Kw, JweAlgorithm::kEcdhEsA192Kw,
    JweAlgorithm::kEcdhEsA256Kw, JweAlgorithm::kRsaOaep,      JweAlgorithm::kRsaOaep256};

// Content encryptions; those with CBC are only read.
enum class JweEncryption {
  kA128Gcm,
  kA192Gcm,
  kA256Gcm,
  kA128CbcHs256,
  kA192CbcHs384,
  kA256CbcHs512,
};

std::string_view JweEncryptionName(JweEncryption encryption);  // "A128CBC-HS256"

inline constexpr JweEncryption kBrokerJweEncryptions[] = {JweEncryption::kA256Gcm};
inline constexpr JweEncryption kImageJweEncryptions[] = {
    JweEncryption::kA128Gcm,      JweEncryption::kA192Gcm,      JweEncryption::kA256Gcm,
    JweEncryption::kA128CbcHs256, JweEncryption::kA192CbcHs384, JweEncryption::kA256CbcHs512};

inline constexpr size_t kMaxJweSize = 8 << 20;
inline constexpr size_t kMaxJweRecipients = 64;

// The flattened JSON text. kInvalidArgument when the algorithm does not fit the key.
absl::StatusOr<std::string> JweEncrypt(const PublicKey& recipient, JweAlgorithm algorithm,
                                       ByteView plaintext);

// The plaintext for `key`. Only algorithms in `allowed` are tried. kInvalidArgument for text that
// is not a JWE or names an algorithm or content encryption that is not allowed; kUnauthenticated
// when it is not for this key or was changed.
absl::StatusOr<SecretBytes> JweDecrypt(
    std::string_view text, const PrivateKey& key, std::span<const JweAlgorithm> allowed,
    std::span<const JweEncryption> encryptions = kBrokerJweEncryptions);

// The same for ML-KEM-768+A192KW and A256GCM: the KEM's ciphertext is the header's "ek".
absl::StatusOr<std::string> JweEncrypt(const MlKemPublicKey& recipient, ByteView plaintext);
absl::StatusOr<SecretBytes> JweDecrypt(std::string_view text, const MlKemPrivateKey& key);

// The key derivation of ECDH-ES (RFC 7518 section 4.6.2: Concat KDF with SHA-256): `bits` a
// multiple of 8 up to 512. Public for its test vector.
SecretBytes JweConcatKdf(ByteView shared_secret, std::string_view algorithm_id, ByteView party_u,
                         ByteView party_v, uint32_t bits);

}  // namespace nacre::crypto
