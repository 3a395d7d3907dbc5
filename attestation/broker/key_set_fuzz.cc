// Key files, and tokens against a good one: what is not signed by its key is never accepted.
#include <cstdlib>

#include "attestation/broker/key_set.h"
#include "base/fuzz_testing.h"

namespace nacre::attestation {
namespace {

// The public key of RFC 7515 appendix A.3.
constexpr std::string_view kKey =
    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";
constexpr std::string_view kToken =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm"
    "NvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmW"
    "QxfKTUJqPP3-Kg6NU1Q";

void Try(ByteView data) {
  const std::string_view text = AsText(data);
  auto keys = KeySet::Parse(text);
  if (keys.ok()) keys->Verify(kToken, {}, 1).status().IgnoreError();
  static const KeySet* const good = new KeySet(*KeySet::Parse(kKey));
  // Of the one token that is signed, only the text itself is accepted.
  if (good->Verify(text, {}, 1).ok() && text != kToken) std::abort();
}

std::vector<std::string> Seeds() {
  return {std::string(kKey), std::string(kToken), "{\"keys\":[" + std::string(kKey) + "]}",
          "eyJhbGciOiJub25lIn0.e30."};
}

NACRE_FUZZ_TARGET(KeySetAndToken, Try, Seeds)

}  // namespace
}  // namespace nacre::attestation
