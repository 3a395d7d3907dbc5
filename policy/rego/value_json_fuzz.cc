// Any bytes as JSON input: what is accepted comes back the same from its own text.
#include "base/fuzz_testing.h"
#include "policy/rego/json.h"

namespace nacre::rego {
namespace {

void TryInput(ByteView bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Arena arena(16 << 20);
  auto value = ValueFromJson(arena, text, true);
  if (!value.ok()) return;
  auto again = ValueFromJson(arena, ToJson(*value));
  if (!again.ok() || !(*again == *value) || again->Hash() != value->Hash()) __builtin_trap();
}

std::vector<std::string> InputSeeds() {
  return {
      R"({"a":[1,-2.50e+3,true,null],"b":{"c":"\u00e9\ud83d\ude00\n"},"a":2})",
      R"([[],{},"",0,0.0,1e-5,12345678901234567890])",
      R"([[[[[[[[{"a":{"b":{"c":[{"d":[-0,-0.0,1E400]}]}}}]]]]]]]])",
      R"("\"\\\/\b\f\n\r\t\u0000\u001f\ud800x\udc00\u2028")",
      "\xef\xbb\xbf {\"\" : \"\xc3\xa9\xf0\x9f\x98\x80\"}\n",
      R"({"OCI":{"Process":{"Args":["sh"],"Env":["A=b"],"User":{"UID":65535}}},"x":)"
      R"(9223372036854775808,"y":-9223372036854775809})",
  };
}

}  // namespace
}  // namespace nacre::rego

NACRE_FUZZ_TARGET(RegoInput, nacre::rego::TryInput, nacre::rego::InputSeeds)
