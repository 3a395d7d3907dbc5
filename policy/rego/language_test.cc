// The language, feature by feature: what holds, what is undefined, what is refused.
#include <gtest/gtest.h>

#include "policy/rego/engine_testing.h"

namespace nacre::rego {
namespace {

TEST(Language, CompleteRules) {
  EXPECT_EQ(P("p := 1"), "1");
  EXPECT_EQ(P("p if 1 < 2"), "true");
  EXPECT_EQ(P("p if 2 < 1"), "undefined");
  EXPECT_EQ(P("p := x if { x := 1 }\np := 1 if true"), "1");
  EXPECT_NE(P("p := x if some x in [1, 2]").find("p.rego:2:6: eval_conflict_error"),
            std::string::npos);
  EXPECT_EQ(P("p := false"), "false");
  EXPECT_EQ(P("p if q\nq := false"), "undefined");
}

TEST(Language, DefaultsAndElse) {
  EXPECT_EQ(P("default p := 7\np := 1 if false"), "7");
  EXPECT_EQ(P("p := 1 if { false } else := 2 if { false } else := 3"), "3");
  EXPECT_EQ(P("p := 1 if { true } else := 2"), "1");
  EXPECT_EQ(P("default f(_) := 9\nf(x) := x if x < 3\np := [f(1), f(5)]"), "[1, 9]");
}

TEST(Language, PartialSetsAndObjects) {
  EXPECT_EQ(P("p contains x if some x in [3, 1, 2, 1]"), "{1, 2, 3}");
  EXPECT_EQ(P("p contains 1 if false"), "set()");
  EXPECT_EQ(P("p[k] := v if some k, v in {\"a\": 1, \"b\": 2}"), "{\"a\": 1, \"b\": 2}");
  EXPECT_NE(P("p[k] := v if { k := \"a\"; some v in [1, 2] }").find("object keys must be unique"),
            std::string::npos);
  EXPECT_EQ(P("p if q.b == 2\nq[k] := v if some k, v in {\"a\": 1, \"b\": 2}"), "true");
}

TEST(Language, RefHeads) {
  EXPECT_EQ(P("p.a.b := 1\np.a.c := 2"), "{\"a\": {\"b\": 1, \"c\": 2}}");
  EXPECT_EQ(P("p.a[x].z := x if some x in [1, 2]"), "{\"a\": {1: {\"z\": 1}, 2: {\"z\": 2}}}");
  EXPECT_EQ(P("p[x] contains y if { some x in [\"a\"]; some y in [2, 1] }"), "{\"a\": {1, 2}}");
  EXPECT_EQ(P("p.own := p.other\np.other := 3\np[x] := 1 if some x in [\"m\"]"),
            "{\"m\": 1, \"other\": 3, \"own\": 3}");
}

TEST(Language, Functions) {
  EXPECT_EQ(P("f(x) := x * 2\np := f(f(3))"), "12");
  EXPECT_EQ(P("f([x, y]) := x + y\np := f([1, 2])"), "3");
  EXPECT_EQ(P("f([x, y]) := x + y\np := f([1])"), "undefined");
  EXPECT_EQ(P("f(1) := \"one\"\nf(2) := \"two\"\np := [f(2), f(1)]"), "[\"two\", \"one\"]");
  EXPECT_EQ(P("f(x, x) := x\np := [f(1, 1) | true]"), "[1]");
  EXPECT_EQ(P("f(x, x) := x\np := f(1, 2)"), "undefined");
  EXPECT_EQ(P("p if startswith(\"abc\", \"ab\", true)"), "true");
  EXPECT_NE(P("f(_) := 1\nf(_) := 2\np := f(0)").find("functions must not produce multiple"),
            std::string::npos);
}

TEST(Language, Unification) {
  EXPECT_EQ(P("p := [x, y] if [x, 2] = [1, y]"), "[1, 2]");
  EXPECT_EQ(P("p := x if { y = 3; [x, y] = [y, y] }"), "3");
  EXPECT_EQ(P("p := [a, b] if {\"k\": [a, {\"n\": b}]} = input", {.input = R"({"k":[1,{"n":2}]})"}),
            "[1, 2]");
  EXPECT_EQ(P("p := a if {\"k\": a} = input", {.input = R"({"k":1,"more":2})"}), "undefined");
  EXPECT_EQ(P("p := x if { x = y; y = 4 }"), "4");
  EXPECT_EQ(P("p := [x | [x, x] = input[_]]", {.input = "[[1,2],[3,3]]"}), "[3]");
}

TEST(Language, ReferencesIterate) {
  const TestRun run{.input = R"({"a":[{"n":"x","v":1},{"n":"y","v":2}]})"};
  EXPECT_EQ(P("p := [i | input.a[i].v > 1]", run), "[1]");
  EXPECT_EQ(P("p := {n: v | some i; n := input.a[i].n; v := input.a[i].v}", run),
            "{\"x\": 1, \"y\": 2}");
  EXPECT_EQ(P("p := input.a[0][k] if k := \"n\"", run), "\"x\"");
  EXPECT_EQ(P("p := input.none.deep", run), "undefined");
  EXPECT_EQ(P("p := [x | {1, 2, 3}[x]; x != 2]"), "[1, 3]");
  EXPECT_EQ(P("p := {[x, y] | q[[x, y]]}\nq contains [1, 2]"), "{[1, 2]}");
}

TEST(Language, DataIsBaseAndVirtual) {
  const std::string data = R"({"t":{"base":1,"lib":{"x":2}},"list":[10,20]})";
  EXPECT_EQ(EvalText("package t.lib\ny := 3", "data.t", {.data = data}),
            "{\"base\": 1, \"lib\": {\"x\": 2, \"y\": 3}}");
  EXPECT_EQ(P("p := data.list[1]", {.data = data}), "20");
  EXPECT_EQ(EvalText("package u\np := {k: v | v := data.t[k]}", "data.u.p", {.data = data}),
            "{\"base\": 1, \"lib\": {\"x\": 2}}");
}

TEST(Language, SomeEveryIn) {
  EXPECT_EQ(P("p := [[k, v] | some k, v in [\"a\", \"b\"]]"), "[[0, \"a\"], [1, \"b\"]]");
  EXPECT_EQ(P("p if every x in [1, 2] { x > 0 }"), "true");
  EXPECT_EQ(P("p if every x in [1, -2] { x > 0 }"), "undefined");
  EXPECT_EQ(P("p if every k, v in {\"a\": \"a\"} { k == v }"), "true");
  EXPECT_EQ(P("p := 2 in [1, 2]"), "true");
  EXPECT_EQ(P("p if \"a\", 1 in {\"a\": 1}"), "true");
  EXPECT_EQ(P("p := [x | some [x, 1] in [[5, 1], [6, 2]]]"), "[5]");
}

TEST(Language, NegationAndOrder) {
  EXPECT_EQ(P("p if not q\nq if false"), "true");
  EXPECT_EQ(P("p if { not x > 2; x = 1 }"), "true");
  EXPECT_EQ(P("p := y if { y := x + 1; x = input.n }", {.input = "{\"n\":1}"}), "2");
  EXPECT_NE(P("p if not x == 1").find("rego_unsafe_var_error: var x is unsafe"), std::string::npos);
  EXPECT_NE(P("p := x if true").find("p.rego:2:6: rego_unsafe_var_error"), std::string::npos);
}

TEST(Language, Comprehensions) {
  EXPECT_EQ(P("p := [y | some x in [1, 2]; y := x * 10]"), "[10, 20]");
  EXPECT_EQ(P("p := {x: [y | some y in [1, 2, 3]; y > x] | some x in [1, 2]}"),
            "{1: [2, 3], 2: [3]}");
  EXPECT_EQ(P("p := count({x | some x in [1, 1]})"), "1");
  EXPECT_NE(P("p := {\"k\": x | some x in [1, 2]}").find("object keys must be unique"),
            std::string::npos);
}

TEST(Language, With) {
  EXPECT_EQ(P("q := input.a\np := x if x := q with input as {\"a\": 5}"), "5");
  EXPECT_EQ(P("q := data.z.y\np := x if x := q with data.z.y as 6"), "6");
  EXPECT_EQ(P("q := 1\np := x if x := data.t.q with data.t.q as 2"), "2");
  EXPECT_EQ(P("p := x if x := count([1]) with count as 42"), "42");
  EXPECT_EQ(P("g(_) := 8\nf(x) := x\np := x if x := f(1) with f as g"), "8");
  EXPECT_EQ(P("p := [a | some a in input with input as [1, 2]]"), "[1, 2]");
  EXPECT_EQ(P("p if not q with input as 1\nq if input == 2"), "true");
}

TEST(Language, StringsAndTemplates) {
  EXPECT_EQ(P("p := `raw\\n`"), "\"raw\\\\n\"");
  EXPECT_EQ(P("p := \"\\u00e9\\t\""), "\"\u00e9\\t\"");
  EXPECT_EQ(P("x := 3\np := $\"a{x + 1}b{[x]}\\{\""), "\"a4b[3]{\"");
  EXPECT_EQ(P("p := $\"{input.none}\""), "\"<undefined>\"");
}

TEST(Language, NumbersKeepTheirText) {
  EXPECT_EQ(P("p := 1.50"), "1.50");
  EXPECT_EQ(P("p := 100000000000000000000 + 1"), "100000000000000000001");
  EXPECT_EQ(P("p := 7 % 0"), "undefined");
  EXPECT_NE(P("p := 1 / 0", {.strict = true}).find("p.rego:2:6: eval_builtin_error: div: divide"),
            std::string::npos);
  EXPECT_EQ(P("p := {1, 2} - {2}"), "{1}");
}

TEST(Language, EveryInsideEvery) {
  EXPECT_EQ(P("p if { every r in [{\"x\": 1, \"y\": 2}] { every a in [r.x, r.y] { a > 0 } } }"),
            "true");
  EXPECT_EQ(P("p if { every r in [[1], [2]] { every i, a in r { i == 0; a in r; some b in r; b == "
              "a } } }"),
            "true");
  EXPECT_EQ(P("p if { every r in [[1], [2]] { every a in r { a == 1 } } }"), "undefined");
}

TEST(Language, ImportsAndKeywordsAsNames) {
  EXPECT_EQ(P("import input.a as b\np := b.c", {.input = R"({"a":{"c":1}})"}), "1");
  EXPECT_EQ(P("import data.x.y\np := y", {.data = R"({"x":{"y":2}})"}), "2");
  EXPECT_EQ(P("if.every := 1\np := if.every"), "1");
  EXPECT_EQ(P("p if contains(\"abc\", \"b\")"), "true");
}

TEST(Language, VersionZero) {
  const TestRun v0{.v1 = false};
  EXPECT_EQ(P("p { 1 < 2 }", v0), "true");
  EXPECT_EQ(P("p[x] { x := [2, 1][_] }", v0), "{1, 2}");
  EXPECT_EQ(P("p[k] = v { v := {\"a\": 1}[k] }", v0), "{\"a\": 1}");
  EXPECT_EQ(P("f(x) = y { y := x + 1 }\np = f(1) { true } { false }", v0), "2");
  EXPECT_EQ(P("import future.keywords.in\np { 1 in [1] }", v0), "true");
  EXPECT_EQ(P("import rego.v1\np contains 1 if true", v0), "{1}");
  EXPECT_EQ(P("if := 3\np := if", v0), "3");
  EXPECT_NE(P("p { true }").find("rego_parse_error: `if` keyword is required"), std::string::npos);
  EXPECT_NE(P("import rego.v1\np { true }", v0).find("rego_parse_error"), std::string::npos);
}

TEST(Language, CompileErrors) {
  const std::pair<const char*, const char*> wrong[] = {
      {"p := q(1)", "p.rego:2:6: rego_type_error: undefined function q"},
      {"p := count(1, 2, 3)", "rego_type_error: count: arity mismatch"},
      {"p := q\nq := p", "rego_recursion_error"},
      {"f(x) := f(x)\np := f(1)", "rego_recursion_error"},
      {"p := 1\np(x) := x", "rego_type_error: conflicting rules data.t.p found"},
      {"p := 1\np.q := 2", "rego_type_error: rule data.t.p conflicts with data.t.p.q"},
      {"p := x if { x := 1; x := 2 }", "var x assigned above"},
      {"p if { x == 1; x := 1 }", "var x referenced above"},
      {"p if input := 1", "must not shadow input"},
      {"p if { true", "expected '}' but found the end of the text"},
      {"p := \"a", "non-terminated string"},
      {"p := 01a", "rego_parse_error"},
      {"p := {", "rego_parse_error"},
      {"p := [1, 2", "rego_parse_error"},
      {"default p := 1\ndefault p := 2", "multiple default rules"},
      {"p if x with foo.bar as 1", "with keyword target must reference"},
      {"import foo.bar", "unexpected import path"},
  };
  for (const auto& [rules, message] : wrong) {
    EXPECT_NE(P(rules).find(message), std::string::npos) << rules << "\n" << P(rules);
  }
  EXPECT_NE(EvalText("p := 1", "data.p").find("package expected"), std::string::npos);
}

TEST(Language, Queries) {
  auto policy = *Policy::Compile({{"a.rego", "package a\np contains x if some x in [1, 2]"}});
  auto query = *policy->Prepare("data.a.p[x]; y := x * 2");
  Evaluator evaluator;
  auto rows = *evaluator.Evaluate(*query, Value());
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1][0].name, "x");
  EXPECT_EQ(ToRego(rows[1][1].value), "4");
  EXPECT_FALSE(policy->Prepare("x").ok());
  EXPECT_FALSE(policy->Prepare("").ok());
}

TEST(Language, HostFunctions) {
  BuiltinRegistry registry = StandardBuiltins();
  registry.Register({.name = "query_reference_value",
                     .args = {kString},
                     .function = [](BuiltinContext& context, std::span<const Value> args) {
                       return absl::StatusOr<Value>(Value::Array(context.arena(), {args[0]}));
                     }});
  auto policy = *Policy::Compile({{"a.rego", "package a\np := query_reference_value(\"m\")"}},
                                 {.builtins = &registry});
  Evaluator evaluator;
  EXPECT_EQ(ToRego(*evaluator.Evaluate(*policy, "data.a.p", Value())), "[\"m\"]");
}

}  // namespace
}  // namespace nacre::rego
