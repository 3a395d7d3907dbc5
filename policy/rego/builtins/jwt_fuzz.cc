// Tokens and keys: any text.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "policy/rego/builtins/builtins_testing.h"

namespace nacre::rego {
namespace {

void Try(ByteView data) {
  std::string_view text = AsText(data);
  (void)CallText("io.jwt.decode", text);
  (void)Call("io.jwt.decode_verify", AsText(data));
  (void)Call("io.jwt.verify_es256", AsText(data));
}

std::vector<std::string> Seeds() {
  return {
      "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.j8V0tn22rVvTEJeoaoqH8nZvRfT-BcRHlEpgjnsnheM",
      R"(["eyJhbGciOiJIUzI1NiJ9.e30.AA", {"secret": "s", "time": 5}])",
      R"(["eyJhbGciOiJFUzI1NiJ9.e30.AA",
              "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}"])"};
}

NACRE_FUZZ_TARGET(RegoJwt, Try, Seeds)

}  // namespace
}  // namespace nacre::rego
