// Any bytes as a module: parsed or refused with a place, and compiled if parsed.
#include "base/fuzz_testing.h"
#include "policy/rego/engine_testing.h"

namespace nacre::rego {
namespace {

void TryModule(ByteView bytes) {
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (bool v1 : {true, false}) {
    auto policy = Policy::Compile({{"p.rego", text}}, {.v1 = v1});
    if (!policy.ok() && ErrorCode(policy.status()).empty()) __builtin_trap();
  }
}

std::vector<std::string> ModuleSeeds() {
  return {
      "package a.b\nimport data.x as y\nimport input.z\ndefault p := false\np if { not q; r[_] }\n"
      "q contains x if some x in y\nr[k] := v if some k, v in z\n",
      "package a\nf(x, [y, 1]) := z if { z := x + y } else := 2\n"
      "p if f(1, [2, 1]) == 3 with input as 3\n",
      "package a\np := [x | x := {\"k\": `raw`, 1.5e3: {1}}[_]] # c\nq := $\"a{p[0]}b\\{\"\n",
      "package a\nimport future.keywords\np { every x in [1] { x > 0 } } { true }\ns[1] { 2 == 2 "
      "}\n",
      // Heads of all kinds.
      "package a\np.q.r := 1\np[x].s contains y if { some x in [\"t\"]; some y in [1] }\n"
      "default f(_) := 0\nf(0) := 1\nf(\"a\") := 2\nt contains {\"k\": v} if v := input.v\n"
      "u[input.k] := {} if true\nelse_ := 1 if false else := 2 if { false } else := 3\n",
      // Terms of all kinds.
      "package a\np := {{1, \"2\"}, set(), [], {}, {\"a\": {\"b\": [null, true, -1.5e-3]}}}\n"
      "q := {k: [v | some v in w; v != \"\\u00e9\\n\"] | some k, w in input}\n"
      "r := (1 + 2) * 3 / 4 % 5 - -6\ns := {1, 2} & {2} | {3}\nt := 1 in [1]\n"
      "u := \"a\", 1 in {\"a\": 1}\nv := data.a[\"b c\"][_].d[input.x]\n",
      // Annotations, comments, continued lines.
      "# METADATA\n# title: T\n# custom:\n#   a: [1]\npackage a\n\n# METADATA\n# scope: rule\n"
      "p := rego.metadata.rule() # behind\nq := [\n  1, # one\n  2,\n]\n\nr if {\n\t1 < 2 ; 2 < 3\n"
      "}\n",
      // Nested bodies.
      "package a\np if {\n  every k, v in input {\n    not every w in v { w == k }\n"
      "    some x; x = [y | y := v[_]; not y in {z | z := data.z[_] with data.z as [1]}][i]\n"
      "  }\n}\n",
      // v0.
      "package a\nimport rego.v1\np if true\n",
      "package a\np[x] = y { x := input.a[i]; y := i }\nq(x) = y { y := x } else = 1 { true }\n"
      "r = true { not p.a } { p.b }\ndefault s = []\n",
      // Wrong.
      "package a\np := x if y := 1\np := p\nq(1) := 2 if { r }\n",
  };
}

}  // namespace
}  // namespace nacre::rego

NACRE_FUZZ_TARGET(RegoModule, nacre::rego::TryModule, nacre::rego::ModuleSeeds)
