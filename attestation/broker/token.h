// The key with which the broker signs attestation tokens and recognises its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"
#include "crypto/key.h"

namespace nacre::attestation {

// Thread-safe.
class TokenSigner {
 public:
  // kInvalidArgument unless the key is EC P-256.
  static absl::StatusOr<TokenSigner> Create(crypto::PrivateKey key, std::string issuer);

  const std::string& issuer() const { return issuer_; }
  // `claims` as they are; the header says {"alg":"ES256","kid":<RFC 7638 thumbprint>,"typ":"JWT"}.
  absl::StatusOr<std::string> Sign(const Json& claims) const;
  // The claims of a token of ours. kUnauthenticated: not our signature, not our issuer, expired.
  absl::StatusOr<Json> Verify(std::string_view token, int64_t now) const;
  // {"keys":[{...,"kid","alg","use"}]}: for other relying parties.
  absl::StatusOr<std::string> Jwks() const;

 private:
  TokenSigner(crypto::PrivateKey key, std::string issuer, std::string key_id)
      : key_(std::move(key)), issuer_(std::move(issuer)), key_id_(std::move(key_id)) {}
  crypto::PrivateKey key_;
  std::string issuer_;
  std::string key_id_;
};

}  // namespace nacre::attestation
