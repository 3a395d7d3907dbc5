// Keys of somebody who signs JSON Web Tokens: an owner's identity provider, another attestation
// service. Which algorithm a key may be used with follows from the key (and its JWK's "alg"), never
// from the token alone: ES256 and ES384 for EC keys, RS256, RS384 and PS256 for RSA; "none" and
// HMAC do not exist.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "crypto/key.h"
#include "crypto/x509.h"

namespace nacre::attestation {

struct TokenExpectations {
  std::string issuer;    // "": any
  std::string audience;  // "": any; else "aud" is it or has it
};

// Immutable; thread-safe to read.
class KeySet {
 public:
  // The text of a file: a JWK set, one JWK, or PEM: one public key, or certificates, which are then
  // roots: a token brings its chain in "x5c". kInvalidArgument for anything else and for an empty
  // set.
  static absl::StatusOr<KeySet> Parse(std::string_view text);

  // The claims of a token signed by one of these keys, in force at `now` (Unix seconds), with an
  // expiry. kUnauthenticated otherwise, saying which.
  absl::StatusOr<Json> Verify(std::string_view token, const TokenExpectations& expected,
                              int64_t now) const;

  // The payload of a document in a compact JWS (RFC 7515) signed by one of these keys, whose header
  // has this "typ". kUnauthenticated otherwise, saying which.
  struct Document {
    Bytes payload;
    std::string key_thumbprint;  // RFC 7638
  };
  absl::StatusOr<Document> VerifyDocument(std::string_view jws, std::string_view type,
                                          int64_t now) const;

 private:
  struct Key {
    crypto::PublicKey key;
    std::string id;         // "kid", may be empty
    std::string algorithm;  // "alg", may be empty
  };
  absl::Status AddJwk(const Json& jwk);
  absl::StatusOr<Key> FromChain(const Json& header, int64_t now) const;
  // The key that made the signature goes to `signer` when that is not null.
  absl::Status VerifySignature(std::string_view token, const Json& header, int64_t now,
                               std::optional<Key>* signer = nullptr) const;

  std::vector<Key> keys_;
  std::vector<crypto::Certificate> roots_;
};

}  // namespace nacre::attestation
