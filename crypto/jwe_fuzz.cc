// A JWE as a peer sends it: nothing that was changed may open.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "crypto/jwe.h"
#include "crypto/keys_testing.h"
#include "crypto/ml_kem.h"

namespace nacre::crypto {
namespace {

constexpr std::string_view kSecret = "content of every seed";

const MlKemPrivateKey& MlKemKey() {
  static const auto* key = new MlKemPrivateKey(*MlKemPrivateKey::FromSeed(Bytes(kMlKemSeedSize)));
  return *key;
}

void Try(ByteView data) {
  absl::StatusOr<SecretBytes> by_kem = JweDecrypt(AsText(data), MlKemKey());
  if (by_kem.ok() && AsText(by_kem->view()) != kSecret) std::abort();
  for (const PrivateKey* key : {&EcKey(Curve::kP256), &RsaKey()}) {
    absl::StatusOr<SecretBytes> opened =
        JweDecrypt(AsText(data), *key, kImageJweAlgorithms, kImageJweEncryptions);
    // Members the RFC tells to ignore may change; the content may not.
    if (opened.ok() && AsText(opened->view()) != kSecret) std::abort();
  }
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (JweAlgorithm algorithm : {JweAlgorithm::kEcdhEs, JweAlgorithm::kEcdhEsA256Kw}) {
    seeds.push_back(*JweEncrypt(EcKey(Curve::kP256).public_key(), algorithm, AsBytes(kSecret)));
  }
  seeds.push_back(*JweEncrypt(RsaKey().public_key(), JweAlgorithm::kRsaOaep256, AsBytes(kSecret)));
  seeds.push_back(*JweEncrypt(MlKemKey().public_key(), AsBytes(kSecret)));
  seeds.push_back(
      R"({"protected":"eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTEyOENCQy1IUzI1NiIsImVwayI6e319","iv":)"
      R"("AAAAAAAAAAAAAAAAAAAAAA","ciphertext":"AAAAAAAAAAAAAAAAAAAAAA","tag":)"
      R"("AAAAAAAAAAAAAAAAAAAAAA"})");
  seeds.push_back(
      R"({"protected":"eyJlbmMiOiJBMjU2R0NNIn0","recipients":[{"header":{"alg":"ECDH-ES"}},)"
      R"({"header":{"alg":"RSA-OAEP"},"encrypted_key":"AAAA"}],"iv":"AAAAAAAAAAAAAAAA",)"
      R"("ciphertext":"AA","tag":"AAAAAAAAAAAAAAAAAAAAAA","aad":"YWFk"})");
  return seeds;
}

NACRE_FUZZ_TARGET(Jwe, Try, Seeds)

}  // namespace
}  // namespace nacre::crypto
