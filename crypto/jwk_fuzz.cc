// A public JWK as a peer sends it: what is accepted is a key that can be written and read again.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "crypto/jwk.h"
#include "crypto/keys_testing.h"

namespace nacre::crypto {
namespace {

void Try(ByteView data) {
  absl::StatusOr<Json> json = ParseJson(AsText(data));
  if (!json.ok()) return;
  absl::StatusOr<PublicKey> key = PublicKeyFromJwk(*json);
  if (!key.ok()) return;
  absl::StatusOr<Json> again = PublicKeyToJwk(*key);
  if (!again.ok() || !(*PublicKeyFromJwk(*again) == *key)) std::abort();
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  const PrivateKey* keys[] = {&EcKey(Curve::kP256), &EcKey(Curve::kP521), &RsaKey()};
  for (const PrivateKey* key : keys) {
    seeds.push_back(*DumpJson(*PublicKeyToJwk(key->public_key())));
  }
  return seeds;
}

NACRE_FUZZ_TARGET(Jwk, Try, Seeds)

}  // namespace
}  // namespace nacre::crypto
