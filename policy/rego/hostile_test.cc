// Policies from people who do not mean well: each ends soon, with a place and a reason.
#include <gtest/gtest.h>

#include "policy/rego/engine_testing.h"

namespace nacre::rego {
namespace {

std::string Repeat(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

void ExpectEnds(std::string_view rules, std::string_view reason, const TestRun& run = {}) {
  std::string got = P(rules, run);
  EXPECT_NE(got.find(reason), std::string::npos) << rules.substr(0, 80) << "\n" << got;
  EXPECT_NE(got.find("p.rego:"), std::string::npos) << got;
}

TEST(Hostile, DeepNestingIsRefused) {
  for (const char* open : {"[", "{", "(", "{1: ", "f(", "x[", "[1 | x := ", "$\"{", "-"}) {
    std::string got = P(StrCat("p := ", Repeat(open, 20000)));
    EXPECT_NE(got.find("rego_parse_error"), std::string::npos) << open << got;
  }
  EXPECT_EQ(P(StrCat("p := count(", Repeat("[", 90), Repeat("]", 90), ")")), "1");
}

TEST(Hostile, LongRowsAreBounded) {
  EXPECT_EQ(P(StrCat("p := 0", Repeat(" + 1", 900))), "900");
  ExpectEnds(StrCat("p := 0", Repeat(" + 1", 2000000)), "nested too deep");
  ExpectEnds(StrCat("p := ", Repeat("[x | every y in [0", 60), Repeat(" + 1", 990)),
             "rego_parse_error");
  ExpectEnds(StrCat("p := 1 if false", Repeat(" else := 2 if false", 2000)), "too many `else`");
  ExpectEnds(StrCat("p := input", Repeat(".a", 100000), "\nq", Repeat(".b", 300), " := 1"),
             "name is too long");
}

TEST(Hostile, EndlessWorkRunsOutOfSteps) {
  TestRun run;
  run.budget.steps = 100000;
  ExpectEnds(StrCat("n := numbers.range(1, 1000)\np := count([1 | ",
                    "n[a]; n[b]; n[c]; n[d]; a + b + c + d == -1])"),
             "takes more than 100000 steps", run);
  ExpectEnds("p if { every x in numbers.range(1, 100000) { x > 0; x < 0.5 * x + x } }",
             "takes more than 100000 steps", run);
}

// One instruction may be a lot of work: a builtin counts what it does.
TEST(Hostile, WorkInsideBuiltinsIsCounted) {
  TestRun run;
  run.budget.steps = 300000;
  const std::string nines(2000, '9'), sevens(1900, '7'), as(50000, 'a');
  std::string runes;
  for (int i = 0; i < 600; ++i) runes += "\xe4\xb8\x80";
  auto often = [](std::string_view expression) {
    return StrCat("p := count([1 | some i in numbers.range(1, 5000); ", expression, "])");
  };
  for (const std::string& rule : {
           // Huge numbers.
           often(StrCat(nines, " * ", nines, " > i")),
           often(StrCat(nines, " / ", sevens, " > i")),
           often(StrCat(nines, " % ", sevens, " > i")),
           often(StrCat("bits.and(", nines, ", ", sevens, ") > i")),
           often(StrCat("format_int(", nines, ", 2) != \"\"")),
           StrCat("p := sum([n | some i in numbers.range(1, 5000); n := ", nines, "])"),
           // Catastrophic patterns.
           often("regex.match(sprintf(\"(a|b){1,900}x%d\", [i]), \"ab\")"),
           often("regex.is_valid(sprintf(\"((a{1,100}){1,100}){1,100}%d\", [i]))"),
           often(StrCat("regex.match(\"(x+x+)+y\", \"", as, "\")")),
           often(StrCat("regex.match(\"(a|b){1,900}c\", \"", as.substr(0, 2000), "\")")),
           often(StrCat("count(regex.find_n(\"a*b\", \"", as, "\", -1)) == 0")),
           often("glob.match(sprintf(\"{a,b,c}*%d*{a,b,c}*?[a-z]\", [i]), [], \"abc\")"),
           often("strings.render_template(\"{{range .a}}{{range $.a}}{{range $.a}}x{{end}}"
                 "{{end}}{{end}}\", {\"a\": numbers.range(1, 20)}) != \"\""),
           // Long texts, and what is looked for is nearly there everywhere.
           often(StrCat("not contains(\"", as, "\", \"", as.substr(0, 25000), "b\")")),
           often(StrCat("indexof(\"", as, "\", \"", as.substr(0, 25000), "b\") == -1")),
           often(StrCat("replace(\"", as, "\", \"", as.substr(0, 25000), "b\", \"\") != \"\"")),
           often(StrCat("count(\"", as, "\") > i")),
           often(StrCat("trim(\"", as, "b\", \"", runes, "a\") == \"b\"")),
           often(StrCat("not strings.any_prefix_match([\"", as, "1\", \"", as, "2\"], \"", as,
                        "3\")")),
       }) {
    ExpectEnds(rule, "takes more than 300000 steps", run);
  }
}

TEST(Hostile, BigResultsRunOutOfMemory) {
  TestRun run;
  run.budget.memory = 1 << 20;
  ExpectEnds("p := [[a, b] | n := numbers.range(1, 1000); some a in n; some b in n]",
             "needs more than 1048576 bytes", run);
}

TEST(Hostile, NumbersHaveALimit) {
  ExpectEnds("p := 1e999999999", "rego_parse_error: number is too large");
  EXPECT_EQ(P("x := 1e4000\np := x * x"), "undefined");
  ExpectEnds(StrCat("p := 1", Repeat("0", 5000)), "number is too large");
}

TEST(Hostile, CyclesAreFoundWhenCompiling) {
  ExpectEnds("p if not q\nq if not p", "rego_recursion_error");
  ExpectEnds("p := data.t", "rego_recursion_error");
  ExpectEnds("p := data[x].q if x := \"t\"", "rego_recursion_error");
  std::string chain;
  for (int i = 0; i < 3000; ++i) StrAppend(&chain, "r", i, " := r", i + 1, "\n");
  ExpectEnds(StrCat(chain, "r3000 := r0\np := 1"), "rego_recursion_error");
}

TEST(Hostile, CyclesThroughAnything) {
  for (const char* rules :
       {"f(x) := f(x - 1)\np := f(3)", "f(x) := g(x)\ng(x) := f(x)\np := f(1)", "p[x] := 1 if p[x]",
        "p contains x if some x in p", "p := [x | x := p]", "p if every x in [1] { p }",
        "p := $\"{p}\"", "p if q with input as 1\nq := p", "default p := 1\np := 2 if p == 1",
        "p.a := p.b\np[x] := 1 if some x in [p.c]", "p := data[\"t\"].p",
        "p := 1 if false\nelse := p", "p := walk(data.t)[0]"}) {
    ExpectEnds(rules, "rego_recursion_error");
  }
  // A replacement calls what it replaces, and not itself.
  EXPECT_EQ(P("f(x) := g(x)\ng(x) := x\nh(x) := f(x)\np if f(1) with data.t.g as h"), "true");
}

TEST(Hostile, LongChainsOfRulesEnd) {
  std::string chain = "p := r0\n";
  for (int i = 0; i < 3000; ++i) StrAppend(&chain, "r", i, " := r", i + 1, "\n");
  ExpectEnds(StrCat(chain, "r3000 := 1"), "more rules wait for each other");
}

TEST(Hostile, TextIsUtf8) {
  ExpectEnds("p := \"\xff\"", "p.rego:2:7: rego_parse_error: invalid UTF-8");
  ExpectEnds("# \xc0\x80\np := 1", "invalid UTF-8");
  ExpectEnds("p := `\xed\xa0\x80`", "p.rego:2:7: rego_parse_error: invalid UTF-8");
  ExpectEnds("p\xff := 1", "invalid UTF-8");
  ExpectEnds("p := $\"{1}\xf5\"", "invalid UTF-8");
  EXPECT_EQ(P("p := \"\\ud800\""), "\"\xef\xbf\xbd\"");  // half a character, as in Go
}

TEST(Hostile, ManyGoalsInTheWrongOrder) {
  std::string body;
  for (int i = 300; i > 0; --i) StrAppend(&body, "  x", i, " = x", i - 1, " + 1\n");
  EXPECT_EQ(P(StrCat("p := x300 if {\n", body, "  x0 = 0\n}")), "300");
  for (int i = 6000; i > 0; --i) StrAppend(&body, "  y", i, " = y", i - 1, " + 1\n");
  ExpectEnds(StrCat("p if {\n", body, "  y0 = 0\n}"), "too many statements to put in order");
}

// x59 would have 2^60 values if it were written out; y59 is the same anew.
std::string Doubling(int levels) {
  std::string out = "x0 := [1, 1]\ny0 := [1, 1]\n";
  for (int i = 1; i < levels; ++i) {
    for (const char* name : {"x", "y"}) {
      StrAppend(&out, name, i, " := [", name, i - 1, ", ", name, i - 1, "]\n");
    }
  }
  return out;
}

TEST(Hostile, SharedValuesDoNotMultiply) {
  for (const char* rule : {"p if x59 == y59", "p := x59", "p := {x59, y59}", "p := {x59: y59}",
                           "p := json.marshal(x59)", "p := sort([x59, y59])"}) {
    ExpectEnds(StrCat(Doubling(60), rule), "a value would consist of more than 8388607 values");
  }
  // Small enough to be made: comparing again and again runs out of steps.
  TestRun run;
  run.budget.steps = 300000;
  for (const char* rule :
       {"p if { some i in numbers.range(1, 1000); x12 == y12; i < 0 }",
        "p := count({x | some i in numbers.range(1, 100); x := [x12, i]; y := [y12, i]; x >= y})",
        "p := count(sort([x | some i in numbers.range(1, 400); x := [[x12, y12][i % 2], 0 - i]]))",
        "p := {x | some i in numbers.range(1, 400); x := [[x12, y12][i % 2], 0 - i]}",
        "f(x) := 1\np := {i | some i in numbers.range(1, 900); f(x12) == f(y12)}"}) {
    ExpectEnds(StrCat(Doubling(13), rule), "takes more than 300000 steps", run);
  }
}

TEST(Hostile, ResultsHaveALimit) {
  TestRun run;
  run.budget.output = 16 * 101;
  EXPECT_EQ(P("p := count(numbers.range(1, 1000))", run), "1000");
  std::string rule = "p := numbers.range(1, ";  // 1 for the array, 1 for each number
  EXPECT_NE(P(StrCat(rule, "99)"), run).find("99]"), std::string::npos);
  EXPECT_NE(P(StrCat(rule, "100)"), run).find("100]"), std::string::npos);
  ExpectEnds(StrCat(rule, "101)"), "the result is larger than 1616 bytes", run);
}

TEST(Hostile, BudgetsEndExactly) {
  std::string rules = "p := count([x | some x in numbers.range(1, 50)])";
  auto policy = *Policy::Compile({{"p.rego", StrCat("package t\n", rules)}});
  Evaluator evaluator;
  ASSERT_TRUE(evaluator.Evaluate(*policy, "data.t.p", Value()).ok());
  TestRun run;
  run.budget.steps = evaluator.machine().steps_used();
  EXPECT_EQ(P(rules, run), "50");
  ++run.budget.steps;
  EXPECT_EQ(P(rules, run), "50");
  run.budget.steps -= 2;
  ExpectEnds(rules, "steps", run);

  auto chain = [](int rules_in_a_row) {
    std::string out = "p := r1\n";
    for (int i = 1; i < rules_in_a_row; ++i) StrAppend(&out, "r", i, " := r", i + 1, "\n");
    return StrCat(out, "r", rules_in_a_row, " := 1\n");
  };
  TestRun depth;
  depth.budget.depth = 20;
  EXPECT_EQ(P(chain(18), depth), "1");
  EXPECT_EQ(P(chain(19), depth), "1");
  ExpectEnds(chain(20), "more rules wait for each other than the depth of 20", depth);
}

// What is quick to write must not be slow to compile.
TEST(Hostile, CompilingIsBounded) {
  std::string longest(100000, 'a');
  std::string rules;
  for (int i = 0; i < 1000; ++i) StrAppend(&rules, "r", i, " := 1\n");
  std::string got = EvalText(StrCat("package ", longest, "\n", rules), "data.t.p");
  EXPECT_NE(got.find("the names of rules and packages are too long"), std::string::npos);

  std::string deep;
  for (int i = 0; i < 200; ++i) StrAppend(&deep, "r", i, Repeat(".b", 190), " := 1\n");
  ExpectEnds(deep,
             "rego_compile_error: the paths of rules and packages have more than 500000 names");

  std::string wide;
  for (int i = 0; i < 2500; ++i) StrAppend(&wide, "r", i, " := 1\n");
  for (int i = 0; i < 2500; ++i) StrAppend(&wide, "q", i, " := data[input.x]\n");
  ExpectEnds(wide, "compiling takes more than 30000000 steps");

  std::string imports = "package t\n", uses;
  for (int i = 0; i < 5000; ++i) StrAppend(&imports, "import data.a", i, " as b", i, "\n");
  for (int i = 0; i < 3000; ++i) StrAppend(&uses, "  not b4999\n");
  EXPECT_EQ(EvalText(StrCat(imports, "p if {\n", uses, "}"), "data.t.p"), "true");

  std::string annotated = "# METADATA\n# description: |\n";
  for (int i = 0; i < 300; ++i) StrAppend(&annotated, "#   ", std::string(50, 'a'), "\n");
  StrAppend(&annotated, "package t\n");
  for (int i = 0; i < 500; ++i) StrAppend(&annotated, "p", i, " := rego.metadata.chain()\n");
  EXPECT_EQ(EvalText(StrCat(annotated, "p := count(p9)"), "data.t.p"), "2");
}

}  // namespace
}  // namespace nacre::rego
