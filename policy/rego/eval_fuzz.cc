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
      "p[x].y[z] := 1 if { some x, z in data.l }\n"
      "p.q contains 2\nw := input[a][b] if { a := \"a\"; "
      "b := 0 }\nv := data.l[_]\n",
      "g if count(h) == 3 with count as 3\nh := sprintf(\"%v %d\", [{1, 2}, 3])\n"
      "i if every x in data.l { x }\n",
      "t1 := $\"{input.a} {data.l[_]}\"\nu := walk(input)\nv := [p | walk(input, [p, _])]\n",
      "a := $\"\"\nb := \"\"\nc := $\"\"\n",
      "a := {x | some i; x := data.l[i]; i < 1}\nb := a & {1} | {2} - {1}\nc := b == {1, 2}\n"
      "d contains [x, y] if { x = [1, y]; y = input.a[0] }\n",
      "s := sort([3, \"a\", null, {}, [1], {2}])\nm := max(s)\nj := json.marshal({\"s\": s, \"m\": "
      "m})\nk := json.unmarshal(j).s[0]\n",
      "r := regex.find_all_string_submatch_n(\"(a)(b*)\", \"abab\", -1)\ng := glob.match(\"*.{a,b}"
      "\", [\".\"], \"x.a\")\nx := regex.replace(\"foo\", \"(o)\", \"$1$1\")\n",
      "n := 123456789012345678901234567890 * 3 % 7\no := bits.lsh(1, 70)\n"
      "p := numbers.range(3, -3)\nq := format_int(n, 2)\nr := sum(p) / count(p)\n",
      "o := object.union({\"a\": {\"b\": 1}}, {\"a\": {\"c\": 2}})\n"
      "p := json.patch(o, [{\"op\": \"add\", \"path\": \"/a/d\", \"value\": 3}])\n"
      "q := json.filter(p, [\"a/b\"])\nr := object.get(q, [\"a\", \"b\"], 0)\n",
      "f(x) := y if y := g(x) with input as x\ng(_) := input\nh := [f(1), f([2])]\n"
      "i if { not h[2]; h[0] in [1, 2]; some k, v in h; k == 0 }\n",
      "t := time.clock([time.parse_rfc3339_ns(\"2026-01-02T03:04:05Z\"), \"UTC\"])\n"
      "u := base64.decode(base64.encode(\"x\"))\nv := split(trim(\" a,b \", \" \"), \",\")\n"
      "w := upper(concat(\"-\", v))\n",
      "default allow := false\nallow if { input.a[_] == 1; not deny }\n"
      "deny if some x in input.a\nelse_ := 1 if deny else := 2\n",
  };
}

}  // namespace
}  // namespace nacre::rego

#ifndef NACRE_LIBFUZZER
// A seed that does not compile teaches the fuzzer nothing about evaluation.
TEST(RegoEvalSeeds, Compile) {
  for (const std::string& rules : nacre::rego::RuleSeeds()) {
    auto policy = nacre::rego::Policy::Compile({{"p.rego", "package t\n" + rules}});
    EXPECT_TRUE(policy.ok()) << rules << policy.status();
  }
}
#endif

NACRE_FUZZ_TARGET(RegoEval, nacre::rego::TryRules, nacre::rego::RuleSeeds)
