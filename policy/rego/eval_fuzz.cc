// Any bytes as the rules of a package, compiled and evaluated with small budgets.
#include "base/fuzz_testing.h"
#include "policy/rego/engine_testing.h"

namespace nacre::rego {
namespace {

void TryRules(ByteView bytes) {
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  TestRun run{.input = R"({"a":[1,{"b":"c"}],"n":null})", .data = R"({"t":{"z":1},"l":[1,2]})"};
  run.budget = {.steps = 20000, .memory = 1 << 20, .depth = 64};
  EvalText(StrCat("package t\n", text), "data.t", run);
}

std::vector<std::string> RuleSeeds() {
  return {
      "p contains x if { some x in input.a; not x.b }\nq := {k: v | some k, v in input}\n",
      "f(x) := y if { y := x + 1 } else := 0\np := [f(1), f(\"a\")]\nr if p[0] == 2 with input as "
      "1\n",
      "p[x].y[z] := 1 if { some x, z in data.l }\np.q contains 2\nw := data[a][b] if { a := \"l\"; "
      "b := 0 }\n",
      "g := count(h) with count as 3\nh := sprintf(\"%v %d\", [{1, 2}, 3])\ni if every x in data.l "
      "{ x }\n",
      "t1 := $\"{input.a} {data.l[_]}\"\nu := walk(input)\nv := [p | walk(input, [p, _])]\n",
      "a := $\"\"\nb := \"\"\nb := $\"\"\n",
  };
}

}  // namespace
}  // namespace nacre::rego

NACRE_FUZZ_TARGET(RegoEval, nacre::rego::TryRules, nacre::rego::RuleSeeds)
