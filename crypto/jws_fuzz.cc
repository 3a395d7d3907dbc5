// A compact JWS as a peer sends it: nothing that was changed may verify.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "crypto/jws.h"
#include "crypto/keys_testing.h"

namespace nacre::crypto {
namespace {

constexpr std::string_view kSecret = "content of every seed";

void Try(ByteView data) {
  absl::StatusOr<Jws> parsed = ParseUnverifiedJws(AsText(data));
  absl::StatusOr<Jws> verified =
      JwsVerify(AsText(data), EcKey(Curve::kP256).public_key(), JwsAlgorithm::kEs256);
  if (!verified.ok()) return;
  if (!parsed.ok() || AsText(verified->payload) != kSecret) std::abort();
}

std::vector<std::string> Seeds() {
  return {*JwsSign(EcKey(Curve::kP256), JwsAlgorithm::kEs256, {{"typ", "JWT"}, {"kid", "1"}},
                   AsBytes(kSecret)),
          "eyJhbGciOiJub25lIn0.e30."};
}

NACRE_FUZZ_TARGET(Jws, Try, Seeds)

}  // namespace
}  // namespace nacre::crypto
