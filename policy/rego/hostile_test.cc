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

TEST(Hostile, LongChainsOfRulesEnd) {
  std::string chain = "p := r0\n";
  for (int i = 0; i < 3000; ++i) StrAppend(&chain, "r", i, " := r", i + 1, "\n");
  ExpectEnds(StrCat(chain, "r3000 := 1"), "more rules wait for each other");
}

TEST(Hostile, TextIsUtf8) {
  ExpectEnds("p := \"\xff\"", "p.rego:2:7: rego_parse_error: invalid UTF-8");
  ExpectEnds("# \xc0\x80\np := 1", "invalid UTF-8");
}

TEST(Hostile, ManyGoalsInTheWrongOrder) {
  std::string body;
  for (int i = 300; i > 0; --i) StrAppend(&body, "  x", i, " = x", i - 1, " + 1\n");
  EXPECT_EQ(P(StrCat("p := x300 if {\n", body, "  x0 = 0\n}")), "300");
  for (int i = 6000; i > 0; --i) StrAppend(&body, "  y", i, " = y", i - 1, " + 1\n");
  ExpectEnds(StrCat("p if {\n", body, "  y0 = 0\n}"), "too many statements to put in order");
}

}  // namespace
}  // namespace nacre::rego
