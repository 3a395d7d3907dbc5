// Whose word on reference values counts: [reference] of kbs.toml. Administrators may upload; with
// signers configured, what they upload can be demanded to come from somebody else, a build system
// say, that holds a key which administrators do not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/broker/config.h"
#include "attestation/broker/key_set.h"
#include "base/status.h"

namespace nacre::attestation {

// A document and, when it was signed, by whom.
struct SourcedDocument {
  std::string text;
  std::string signer;     // "name/key": of kbs.toml, and the key's thumbprint (RFC 7638); or ""
  std::string signature;  // the JWS it came in, or ""
};

// Immutable; thread-safe.
class ReferenceSigners {
 public:
  // Nobody signs and no signature is demanded.
  ReferenceSigners() = default;
  // Reads the key files; errors name the table of kbs.toml.
  static absl::StatusOr<ReferenceSigners> Open(const BrokerConfig& config);

  bool required() const { return required_; }

  // What was uploaded: a document, or a JWS around one (attestation/reference/signed_reference.h).
  // kUnauthenticated, saying why: a signature that is of no configured signer, whether or not one
  // is demanded; none where one is. `now` is for the certificates of a signer's chain.
  absl::StatusOr<SourcedDocument> Read(std::string_view upload, int64_t now) const;

 private:
  struct Signer {
    std::string name;
    KeySet keys;
  };
  absl::StatusOr<SourcedDocument> Verify(std::string_view jws, int64_t now) const;

  std::vector<Signer> signers_;
  bool required_ = false;
};

}  // namespace nacre::attestation
