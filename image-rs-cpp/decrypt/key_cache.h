// The keys one pull has been given. Each is asked for once, refusals too: a broker that said no
// says no again, and asking it may cost a whole attestation. What it holds is wiped with it.
#pragma once

#include <map>
#include <string>

#include "crypto/key.h"
#include "image-rs-cpp/decrypt/key_resolver.h"

namespace nacre::image {

inline constexpr size_t kMaxKeysPerImage = 32;

class KeyCache {
 public:
  // `resolver` outlives this; null: every key is kFailedPrecondition.
  explicit KeyCache(KeyResolver* resolver) : resolver_(resolver) {}

  // The key if it was given before; asks nobody.
  const SecretBytes* Find(const std::string& uri) const;
  const crypto::PrivateKey* FindPrivate(const std::string& uri) const;

  // The resolver's errors, beginning with the key's name; kInvalidArgument for a URI that is none
  // or a private key that is none, kResourceExhausted past kMaxKeysPerImage. Pointers stay good as
  // long as this lives.
  absl::StatusOr<const SecretBytes*> Get(const std::string& uri);
  absl::StatusOr<const crypto::PrivateKey*> GetPrivate(const std::string& uri);

 private:
  absl::StatusOr<SecretBytes> Ask(const std::string& uri);

  KeyResolver* const resolver_;
  std::map<std::string, absl::StatusOr<SecretBytes>> keys_;
  std::map<std::string, absl::StatusOr<crypto::PrivateKey>> private_keys_;
};

// A private key as owners have it: PEM, or a JSON Web Key. kInvalidArgument for anything else.
absl::StatusOr<crypto::PrivateKey> ParsePrivateKey(ByteView text);

}  // namespace nacre::image
