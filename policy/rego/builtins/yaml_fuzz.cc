// YAML in: any text, within the budgets of an evaluation.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "policy/rego/builtins/builtins_testing.h"

namespace nacre::rego {
namespace {

void Try(ByteView data) {
  std::string_view text = AsText(data);
  (void)CallText("yaml.unmarshal", text);
}

std::vector<std::string> Seeds() {
  return {"a: &x [1, 0x10, 1e3, ~]\nb: *x\nc: {<<: {d: 1}, e: \"2\"}\n",
          "- |-\n  line\n- !!binary aGk=\n- !!str 5\n? k\n: v\n", "{a: [b, {c: \'d\'}]}"};
}

NACRE_FUZZ_TARGET(RegoYaml, Try, Seeds)

}  // namespace
}  // namespace nacre::rego
