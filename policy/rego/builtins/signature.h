// Signatures of JSON web tokens (RFC 7518, RFC 8037) over OpenSSL. The room crypto/ refuses short
// and unusual keys, as it should for our own tokens; policies look at other people's, and decide
// themselves.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

typedef struct evp_pkey_st EVP_PKEY;

namespace nacre::rego {

enum class SignatureFamily { kHmac, kRsa, kRsaPss, kEcdsa, kEdwards };

struct SignatureAlgorithm {
  std::string_view name;  // "RS256"
  SignatureFamily family;
  const char* digest;  // OpenSSL's name
  int ec_bits;         // of the curve that goes with it; 0 for other families
};
// nullptr for a name that is not one of HS, RS, PS, ES with 256, 384, 512, and EdDSA.
const SignatureAlgorithm* FindSignatureAlgorithm(std::string_view name);

// A key of either kind: bytes for HMAC, or one of OpenSSL's.
struct SignatureKey {
  std::string secret;
  std::shared_ptr<EVP_PKEY> key;
};

// From PEM: one certificate or one public key ("PUBLIC KEY") and nothing behind it.
absl::StatusOr<SignatureKey> KeyFromPem(std::string_view pem);
// Takes over the reference.
SignatureKey AdoptKey(EVP_PKEY* key);

// False also when key and algorithm do not go together.
bool VerifySignature(const SignatureAlgorithm& algorithm, const SignatureKey& key,
                     std::string_view data, std::string_view signature);
absl::StatusOr<std::string> MakeSignature(const SignatureAlgorithm& algorithm,
                                          const SignatureKey& key, std::string_view data);

// "md5", "sha1", "sha256"...: the bytes of the digest or MAC.
std::string DigestBytes(const char* digest, std::string_view data);
std::string HmacBytes(const char* digest, std::string_view key, std::string_view data);

}  // namespace nacre::rego
