// JSON Web Signatures (RFC 7515), compact serialisation, ECDSA only. The verifier says which
// algorithm it expects; what the header says is only ever compared with that.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "crypto/key.h"

namespace nacre::crypto {

enum class JwsAlgorithm {
  kEs256,  // P-256, SHA-256
  kEs384,  // P-384, SHA-384
};

std::string_view JwsAlgorithmName(JwsAlgorithm algorithm);  // "ES256"

inline constexpr size_t kMaxJwsSize = 1 << 20;

struct Jws {
  Json header;    // the protected header
  Bytes payload;  // as signed; for a JWT, JSON text
};

// "header.payload.signature". `header` is the caller's ("kid", "typ", "jwk", "x5c"...); "alg" is
// added. kInvalidArgument when the header has another "alg", or "crit" or "b64", or when the key
// does not fit the algorithm.
absl::StatusOr<std::string> JwsSign(const PrivateKey& key, JwsAlgorithm algorithm, Json header,
                                    ByteView payload);

// kInvalidArgument for text that is not a compact JWS within kMaxJwsSize or has "crit" or "b64" in
// its header; kUnauthenticated for another algorithm than `expected` or a signature that is not
// `key`'s.
absl::StatusOr<Jws> JwsVerify(std::string_view text, const PublicKey& key, JwsAlgorithm expected);

// Parsed but NOT verified: only to find out, from "kid" or "jwk", which key to verify with.
absl::StatusOr<Jws> ParseUnverifiedJws(std::string_view text);
// Only the header of it.
absl::StatusOr<Json> UnverifiedJwsHeader(std::string_view text);

}  // namespace nacre::crypto
