// The keys with which the broker signs attestation tokens and recognises its own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "attestation/broker/key_ring.h"
#include "base/json.h"
#include "base/status.h"
#include "crypto/key.h"

namespace nacre::attestation {

// Thread-safe.
class TokenSigner {
 public:
  // With keys in PEM, EC P-256 or P-384, whose ids are their RFC 7638 thumbprints.
  TokenSigner(std::unique_ptr<KeySource> keys, std::string issuer);
  // With one key, and the certificates that vouch for it (DER, its own first; none are needed).
  // kInvalidArgument unless the key is EC P-256 or P-384 and the first certificate is for it.
  static absl::StatusOr<TokenSigner> Create(crypto::PrivateKey key, std::string issuer,
                                            std::vector<Bytes> certificates = {});
  TokenSigner(TokenSigner&&) noexcept;
  ~TokenSigner();

  const std::string& issuer() const;
  // `claims` as they are; the header says {"alg":"ES256" or "ES384","kid":...,"typ":"JWT"}, and
  // "x5c" when there are certificates.
  absl::StatusOr<std::string> Sign(const Json& claims) const;
  // The same for a text of JSON.
  absl::StatusOr<std::string> SignText(std::string_view claims) const;
  // The claims of a token of ours. kUnauthenticated: not our signature, not our issuer, expired.
  absl::StatusOr<Json> Verify(std::string_view token, int64_t now) const;
  // {"keys":[{...,"kid","alg","use"}]}: for other relying parties. All keys whose tokens may still
  // be valid, and the next one.
  absl::StatusOr<std::string> Jwks() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nacre::attestation
