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
          "- |-\n  line\n- !!binary aGk=\n- !!str 5\n? k\n: v\n",
          "{a: [b, {c: \'d\'}]}",
          "base: &b {x: 1, y: [0o7, 017, 1_0, 1:30, .inf, -.NaN, 0b1]}\n"
          "d1: {<<: *b, x: 2}\nd2: {<<: [*b, {z: ~}]}\n",
          "%YAML 1.1\n---\n- 2001-12-14t21:59:43.10-05:00\n- 2002-04-30\n- yes\n- !!set {a, b}\n",
          "a: >-\n  folded\n  text\n\n  more\nb: |+2\n    kept\n\nc: \"\\x41\\u00e9\\\n  on\"\n",
          "? {k: v}\n: [1]\n? [l]\n: ~\n"};
}

NACRE_FUZZ_TARGET(RegoYaml, Try, Seeds)

}  // namespace
}  // namespace nacre::rego
