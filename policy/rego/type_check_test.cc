// What the type check refuses and, as many cases again, what it must not refuse.
#include "policy/rego/type_check.h"

#include <gtest/gtest.h>

#include "policy/rego/engine_testing.h"

namespace nacre::rego {
namespace {

// The error of compiling a module of package t; "" when it compiles.
std::string CompileError(std::string_view rules, bool v1 = true) {
  auto policy = Policy::Compile({{"p.rego", StrCat("package t\n", rules)}}, {.v1 = v1});
  return policy.ok() ? "" : std::string(Message(policy.status()));
}

struct Case {
  const char* rules;
  const char* error;
};

TEST(TypeCheck, WhatCanNeverWorkIsRefusedWithItsPlace) {
  const Case cases[] = {
      {"p := count(1)",
       "p.rego:2:6: rego_type_error: count: invalid argument(s): have (number), want (string or "
       "array or object or set)"},
      {"p if startswith(input.name, 7)",
       "p.rego:2:6: rego_type_error: startswith: invalid argument(s): have (any, number), want "
       "(string, string)"},
      {"p if {\n  n := count(input.list)\n  startswith(n, \"x\")\n}",
       "p.rego:4:3: rego_type_error"},
      {"p if { s := {1, 2}; s + 1 }", "plus: invalid argument(s): have (set, number)"},
      {"p := 1 + \"2\"", "p.rego:2:6: rego_type_error: plus: invalid argument(s)"},
      {"p := {1} | [2]", "or: invalid argument(s): have (set, array), want (set, set)"},
      {"p := x if x := upper(lower([1]))", "lower: invalid argument(s): have (array)"},
      {"p := concat(\",\", {\"a\": \"b\"})", "have (string, object), want (string, array or set)"},
      // Made equal, and never are.
      {"p if { x := 1; x = \"a\" }", "p.rego:2:16: rego_type_error: match error: left is number, "},
      {"p if count(input.list) == \"3\"", "match error: left is number, right is string"},
      {"p if { x = [1]; x = {1} }", "left is array, right is set"},
      {"p if { x := \"a\"; x = count(input) }", "match error"},
      {"p if { [x, y] := [1, \"a\"]; x = y }", "left is number, right is string"},
      {"p if { [x, \"n\"] = [2, 3] }", "match error: left is string, right is number"},
      {"p if { x := [y | y := input[_]]; x == 3 }", "left is array, right is number"},
      {"p if not count(input) == \"3\"", "match error"},
      {"p if { x := 1 < 2; x = 1 }", "left is boolean, right is number"},
      // Members of what has none.
      {"p if { x := 1; x.y }", "p.rego:2:16: rego_type_error: undefined ref: x is number"},
      {"p := count(input)[0]", "undefined ref: the value is number and has no members"},
      {"p if { x := [1]; x[\"a\"] }", "x is array, its keys are number, not string"},
      {"p if { x := [1]; x[i]; startswith(i, \"a\") }", "have (number, string)"},
      {"p if { x := true; some y in x }", "x is boolean and has no members"},
      // In what is nested.
      {"p := [x | x := upper(1)]", "upper: invalid argument(s)"},
      {"p if { x := 1; not startswith(x, \"a\") }", "startswith: invalid"},
      {"p if { x := 1; startswith(x, \"a\") with input as 3 }", "startswith: invalid"},
      {"f(x) := y if { y := upper(x); y = 3 }", "match error"},
      {"p := 1 if false\nelse := 2 if count(3) == 1", "p.rego:3:14: rego_type_error: count"},
      // Whatever the order.
      {"p if { startswith(x, \"a\"); x = count(y); y = input.l }", "startswith: invalid"},
      {"p if { x = y; y = \"a\"; x = 1 }", "match error"},
  };
  for (const Case& one : cases) {
    std::string error = CompileError(one.rules);
    EXPECT_NE(error.find(one.error), std::string::npos) << one.rules << "\n  " << error;
    EXPECT_NE(error.find("rego_type_error"), std::string::npos) << one.rules << "\n  " << error;
  }
}

TEST(TypeCheck, WhatMightWorkIsTaken) {
  const char* const cases[] = {
      "p if count(input.list) == 3",
      "p if startswith(input.a, input.b)",
      "p if 1 != \"a\"",  // compared, not made equal
      "p if 1 < \"a\"",
      "p := 1 == \"a\"",
      "p := json.unmarshal(input)[0].x",
      "p := object.get(input, 1, \"a\")",
      "p if { x = input.a; x = 1; startswith(x, \"a\") }",  // whatever input.a is
      "p if { x := minus({1}, input.s); count(x) == 1 }",
      "q := 1\np if startswith(q, \"a\")",  // the values of rules are not followed
      "f(x) := 1\np if startswith(f(1), \"a\")",
      "f(x) if x = 1\np if f(\"a\")",
      "f(1) := 1\nf(\"a\") := 2\np := f(input)",
      "p if { x := {1: 2}; x[\"a\"] }",
      "p if { x := {1, 2}; x[\"a\"] }",
      "p if { x := [1, \"a\"]; startswith(x[1], \"a\") }",
      "p if { x := {\"a\": 1}; x[k]; startswith(k, \"a\") }",
      "p if \"a\" in 5",
      "p if { x := to_number(input); x = 1 }",
      "p if { x := crypto.parse_private_keys(input); x = null }",
      "p if { walk(input, [path, value]); count(path) == 1; startswith(value, \"a\") }",
      // OPA does not look into these.
      "p if every x in input { startswith(1, x) }",
      // In OPA a literal handed to something of several kinds makes its parts anything.
      "p if { x := 1; count([x]) == 1; startswith(x, \"a\") }",
      "p if { x := 1; [x, y] = input; startswith(x, \"a\") }",
      // OPA binds x by the goal that need not wait.
      "p if { x = count(y); startswith(x, \"a\"); y = input.y; x = input.a }",
      "p if { x = [1]; input[x]; sprintf(\"%v\", [x]) }",
      "p if { x := 1; sprintf(\"%v\", [x], \"1\") }",
      "p if count([1]) with count as 3",
  };
  for (const char* rules : cases) EXPECT_EQ(CompileError(rules), "") << rules;
}

TEST(TypeCheck, EveryRuleIsLookedAt) {
  std::string error = CompileError("p := count(1)\nq := upper(2)\nr := lower(\"a\")");
  EXPECT_NE(error.find("p.rego:2:6"), std::string::npos) << error;
  EXPECT_NE(error.find("1 more"), std::string::npos) << error;
  // Other errors come first: types are judged in what is whole.
  EXPECT_NE(CompileError("p := count(1)\nq := x").find("rego_unsafe_var_error"), std::string::npos);
}

TEST(TypeCheck, QueriesAreLookedAtButDoNotUnifyByTwoEqualSigns) {
  auto policy = Policy::Compile({{"p.rego", "package t\np := 1"}});
  ASSERT_TRUE(policy.ok());
  auto bad = (*policy)->Prepare("x := data.t.p; count(3)");
  ASSERT_FALSE(bad.ok());
  EXPECT_NE(Message(bad.status()).find("count: invalid argument(s)"), std::string::npos);
  EXPECT_TRUE((*policy)->Prepare("count([1]) == \"a\"").ok());
  EXPECT_FALSE((*policy)->Prepare("count([1]) = \"a\"").ok());
}

TEST(TypeCheck, LongChainsOfVariablesCostLittle) {
  // Every goal waits for the next one.
  std::string rules = "p if {\n";
  for (int i = 0; i < 2000; ++i) StrAppend(&rules, "  x", i, " = x", i + 1, "\n");
  StrAppend(&rules, "  x2000 = 1\n}");
  EXPECT_EQ(CompileError(rules), "");
}

}  // namespace
}  // namespace nacre::rego
