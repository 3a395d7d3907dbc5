// JSON Web Keys (RFC 7517, RFC 7518 section 6): elliptic-curve and RSA keys as JSON.
#pragma once

#include <string>

#include "base/json.h"
#include "crypto/key.h"

namespace nacre::crypto {

class MlKemPublicKey;

// Only what makes the key: {"kty","crv","x","y"} or {"kty","n","e"}, base64url, coordinates at full
// width. The caller adds "alg", "use", "kid".
absl::StatusOr<Json> PublicKeyToJwk(const PublicKey& key);

// Other members ("alg", "use", "kid", "x5c", ...) are left to the caller; a JWK with a private part
// is refused here. kInvalidArgument names the member that is missing or wrong. Coordinates must
// have full width and lie on the curve; RSA numbers must have no leading zero.
absl::StatusOr<PublicKey> PublicKeyFromJwk(const Json& jwk);

// With the private members ("d", and for RSA "p", "q", "dp", "dq", "qi", all required). The public
// and the private part must belong together.
absl::StatusOr<PrivateKey> PrivateKeyFromJwk(const Json& jwk);

// An "Algorithm Key Pair" of draft-ietf-jose-pqc-kem-05: {"kty":"AKP","alg":"ML-KEM-768+A192KW",
// "pub"}, with the "alg", which belongs to such a key. Reading: other members as above.
Json MlKemPublicKeyToJwk(const MlKemPublicKey& key);
absl::StatusOr<MlKemPublicKey> MlKemPublicKeyFromJwk(const Json& jwk);

// RFC 7638: SHA-256 over the required members in order; base64url.
absl::StatusOr<std::string> JwkThumbprint(const PublicKey& key);

}  // namespace nacre::crypto
