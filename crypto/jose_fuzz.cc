// JWE, JWS and JWK as a peer sends them. Nothing that was changed may open or verify.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "crypto/jwe.h"
#include "crypto/jwk.h"
#include "crypto/jws.h"
#include "crypto/keys_testing.h"

namespace nacre::crypto {
namespace {

constexpr std::string_view kSecret = "content of every seed";

void TryJwe(ByteView data) {
  for (const PrivateKey* key : {&EcKey(Curve::kP256), &RsaKey()}) {
    absl::StatusOr<SecretBytes> opened = JweDecrypt(AsText(data), *key, kImageJweAlgorithms);
    // Members the RFC tells to ignore may change; the content may not.
    if (opened.ok() && AsText(opened->view()) != kSecret) std::abort();
  }
}

std::vector<std::string> JweSeeds() {
  std::vector<std::string> seeds;
  for (JweAlgorithm algorithm : {JweAlgorithm::kEcdhEs, JweAlgorithm::kEcdhEsA256Kw}) {
    seeds.push_back(*JweEncrypt(EcKey(Curve::kP256).public_key(), algorithm, AsBytes(kSecret)));
  }
  seeds.push_back(*JweEncrypt(RsaKey().public_key(), JweAlgorithm::kRsaOaep256, AsBytes(kSecret)));
  seeds.push_back(
      R"({"protected":"eyJlbmMiOiJBMjU2R0NNIn0","recipients":[{"header":{"alg":"ECDH-ES"}},)"
      R"({"header":{"alg":"RSA-OAEP"},"encrypted_key":"AAAA"}],"iv":"AAAAAAAAAAAAAAAA",)"
      R"("ciphertext":"AA","tag":"AAAAAAAAAAAAAAAAAAAAAA","aad":"YWFk"})");
  return seeds;
}

void TryJws(ByteView data) {
  absl::StatusOr<Jws> parsed = ParseUnverifiedJws(AsText(data));
  absl::StatusOr<Jws> verified =
      JwsVerify(AsText(data), EcKey(Curve::kP256).public_key(), JwsAlgorithm::kEs256);
  if (!verified.ok()) return;
  if (!parsed.ok() || AsText(verified->payload) != kSecret) std::abort();
}

std::vector<std::string> JwsSeeds() {
  return {*JwsSign(EcKey(Curve::kP256), JwsAlgorithm::kEs256, {{"typ", "JWT"}, {"kid", "1"}},
                   AsBytes(kSecret)),
          "eyJhbGciOiJub25lIn0.e30."};
}

void TryJwk(ByteView data) {
  absl::StatusOr<Json> json = ParseJson(AsText(data));
  if (!json.ok()) return;
  absl::StatusOr<PublicKey> key = PublicKeyFromJwk(*json);
  if (!key.ok()) return;
  absl::StatusOr<Json> again = PublicKeyToJwk(*key);
  if (!again.ok() || !(*PublicKeyFromJwk(*again) == *key)) std::abort();
}

std::vector<std::string> JwkSeeds() {
  std::vector<std::string> seeds;
  const PrivateKey* keys[] = {&EcKey(Curve::kP256), &EcKey(Curve::kP521), &RsaKey()};
  for (const PrivateKey* key : keys) {
    seeds.push_back(*DumpJson(*PublicKeyToJwk(key->public_key())));
  }
  return seeds;
}

#ifdef NACRE_LIBFUZZER
// One program for the three: the first byte chooses.
void Try(ByteView data) {
  if (data.empty()) return;
  constexpr void (*kTries[])(ByteView) = {TryJwe, TryJws, TryJwk};
  kTries[data[0] % 3](data.subspan(1));
}
std::vector<std::string> Seeds() { return {}; }
NACRE_FUZZ_TARGET(Jose, Try, Seeds)
#else
NACRE_FUZZ_TARGET(Jwe, TryJwe, JweSeeds)
NACRE_FUZZ_TARGET(Jws, TryJws, JwsSeeds)
NACRE_FUZZ_TARGET(Jwk, TryJwk, JwkSeeds)
#endif

}  // namespace
}  // namespace nacre::crypto
