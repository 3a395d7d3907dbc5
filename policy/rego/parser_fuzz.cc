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
      "package a\nf(x, [y, 1]) := z if { z := x + y } else := 2\np := f(1, [2, 1]) with input as "
      "3\n",
      "package a\np := [x | x := {\"k\": `raw`, 1.5e3: {1}}[_]] # c\nq := $\"a{p[0]}b\\{\"\n",
      "package a\nimport future.keywords\np { every x in [1] { x > 0 } } { true }\ns[1] { 2 == 2 "
      "}\n",
  };
}

}  // namespace
}  // namespace nacre::rego

NACRE_FUZZ_TARGET(RegoModule, nacre::rego::TryModule, nacre::rego::ModuleSeeds)
