// Patches and schemas over any JSON.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "policy/rego/builtins/builtins_testing.h"

namespace nacre::rego {
namespace {

void Try(ByteView data) {
  std::string_view text = AsText(data);
  (void)Call("json.patch", text);
  (void)Call("json.match_schema", text);
}

std::vector<std::string> Seeds() {
  return {
      R"([{"a": [1, 2, {"b": 3}]}, [{"op": "add", "path": "/a/-", "value": 4},
              {"op": "move", "from": "a/0", "path": "c"}]])",
      R"([{"a": {"set": ["x"]}}, [{"op": "replace", "path": ["a", "x"], "value": "y"}]])",
      R"([{"a": 5}, {"properties": {"a": {"$ref": "#/definitions/s"}},
              "definitions": {"s": {"type": ["string"], "pattern": "^a"}}}])"};
}

NACRE_FUZZ_TARGET(RegoJsonPatch, Try, Seeds)

}  // namespace
}  // namespace nacre::rego
