#include "policy/rego/rule_index.h"

#include <gtest/gtest.h>

#include <random>

#include "policy/rego/engine_testing.h"

namespace nacre::rego {
namespace {

const RuleIndex* IndexOf(const Policy& policy, std::string_view name) {
  for (const Group& group : policy.program().groups) {
    if (group.name == name) return group.index.get();
  }
  return nullptr;
}

std::shared_ptr<const Policy> Compiled(std::string_view rules) {
  auto policy = Policy::Compile({{"p.rego", StrCat("package t\n", rules)}});
  EXPECT_TRUE(policy.ok()) << policy.status();
  return policy.ok() ? *policy : nullptr;
}

TEST(RuleIndex, PlacesInTheInputAndArgumentsAreFound) {
  auto policy = Compiled(R"(
p if { input.a.kind == "x"; input.n == 1 }
p if "y" = input.a.kind
p if { k := input.a.kind; k in {"z", "w"} }
p if { {"v": 1, "u": 2}[input.a.kind] }
p if input.always
f(1, x) := x
f(2, x) := x + 1
f([3, y], x) := y
g(_, "a") := 1
g(_, "b") := 2
g(x, "c") := x
)");
  const RuleIndex* p = IndexOf(*policy, "data.t.p");
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(p->place().root, IndexedPlace::kInputRoot);
  ASSERT_EQ(p->place().steps.size(), 2u);
  EXPECT_EQ(p->Candidates(Value::BorrowString("x")).size(), 2u);
  EXPECT_EQ(p->Candidates(Value::BorrowString("w")).size(), 2u);
  EXPECT_EQ(p->Candidates(Value::BorrowString("u")).size(), 2u);
  EXPECT_EQ(p->Candidates(Value::BorrowString("nothing")).size(), 1u);
  EXPECT_EQ(p->Candidates(Value()).size(), 1u);
  EXPECT_EQ(p->Candidates(Value::EmptyObject()).size(), 1u);
  const RuleIndex* g = IndexOf(*policy, "data.t.g");
  ASSERT_NE(g, nullptr);
  EXPECT_EQ(g->place().root, 1);
}

TEST(RuleIndex, NoneWhereItWouldNotHelpOrMightHideAnError) {
  auto policy = Compiled(R"(
two if input.a == 1
two if input.a == 2
same if { input.a == 1; input.b }
same if { input.a == 1; input.c }
same if { input.a == 1; input.d }
late if { 1 / input.z == 0; input.a == 1 }
late if { 1 / input.z == 0; input.a == 2 }
late if { 1 / input.z == 0; input.a == 3 }
)");
  for (const char* name : {"two", "same", "late"}) {
    EXPECT_EQ(IndexOf(*policy, StrCat("data.t.", name)), nullptr) << name;
  }
}

// Rule sets as a seed makes them.
class RuleMaker {
 public:
  explicit RuleMaker(uint32_t seed) : random_(seed) {}

  std::string Module() {
    std::string out = "package t\n";
    for (uint32_t i = 0, count = 3 + Below(6); i < count; ++i) AddRule(&out);
    return out +
           "helper := 1 if input.b == 2\nall := {\"p\": p, \"q\": q, \"f\": fs} if fs := [v | "
           "some a in [1, \"a\", [1], null, input.a]; v := f(a, input.b)]\n"
           "other := [x | x := p with input.a as input.b]\n";
  }
  std::string Input() {
    return StrCat("{\"a\": ", Json(), ", \"b\": ", Json(), ", \"l\": [", Json(), ", ", Json(),
                  "]}");
  }

 private:
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  template <size_t n>
  std::string Pick(const char* const (&all)[n]) {
    return all[Below(n)];
  }
  std::string Json() {
    return Pick({"1", "1.0", "2", "\"a\"", "\"b\"", "true", "false", "null", "[1]", "[1, \"a\"]",
                 "{\"k\": 1}"});
  }
  std::string Constant() { return Below(8) == 0 ? "{1, 2}" : Json(); }
  std::string Place(bool function) {
    if (function && Below(2) == 0) return Pick({"x", "y", "x[0]"});
    return Pick({"input.a", "input.b", "input.a.k", "input.l[0]", "input.missing"});
  }

  std::string Statement(bool function) {
    std::string place = Place(function), value = Constant();
    switch (Below(12)) {
      case 0:
        return StrCat(value, " = ", place);
      case 1:
        return StrCat(place, " in {", value, ", ", Constant(), "}");
      case 2:
        return StrCat(place, " in [", value, ", ", Constant(), "]");
      case 3:
        return StrCat("{\"a\": ", value, ", 1: false}[", place, "]");
      case 4:
        return StrCat("not ", place, " == ", value);
      case 5:
        ++names_;
        return StrCat("some e", names_, " in input.l; e", names_, " == ", value);
      case 6:
        return "helper";
      case 7:
        return StrCat("1 / ", place, " > 0");
      case 8:
        return StrCat("[1, v", ++names_, "] = ", place);
      case 9:
        return StrCat(place, " != ", value);
      default:
        return StrCat(place, " == ", value);
    }
  }

  std::string Body(bool function) {
    std::string out = " if {";
    for (uint32_t i = 0, count = 1 + Below(3); i < count; ++i) {
      StrAppend(&out, i == 0 ? " " : "; ", Statement(function));
    }
    return out + " }";
  }

  void AddRule(std::string* out) {
    for (uint32_t i = 0, count = 3 + Below(4); i < count; ++i) {
      const char* value = Below(4) == 0 ? "2" : "1";
      StrAppend(out, "p := ", value, Body(false));
      if (Below(3) == 0) StrAppend(out, " else := 3", Body(false));
      StrAppend(out, "\nq contains ", Constant(), Body(false));
      std::string first = Below(2) == 0 ? Constant() : "x", second = Below(2) == 0 ? "y" : "_";
      if (first != "x") first = Below(4) == 0 ? StrCat("[", first, ", _]") : first;
      bool plain = first == "x" && second == "y";
      StrAppend(out, "\nf(", first, ", ", second, ") := ", value, Body(plain), "\n");
    }
    if (out->find("default p") == std::string::npos && Below(2) == 0) {
      StrAppend(out, "default p := 0\n");
    }
  }

  std::mt19937 random_;
  int names_ = 0;
};

TEST(RuleIndex, ResultsAreThoseOfTryingEveryDefinition) {
  Evaluator evaluator;
  int indexed = 0, values = 0, errors = 0;
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    RuleMaker maker(seed);
    std::string module = maker.Module();
    auto policy = Policy::Compile({{"p.rego", module}});
    ASSERT_TRUE(policy.ok()) << policy.status() << "\n" << module;
    for (const Group& group : (*policy)->program().groups) indexed += group.index != nullptr;
    for (int i = 0; i < 8; ++i) {
      Arena arena;
      std::string json = maker.Input();
      Value input = *ValueFromJson(arena, json);
      std::string got[2];
      for (bool use_index : {false, true}) {
        EvaluateOptions options;
        options.use_index = use_index;
        options.strict_builtin_errors = i % 2 == 1;
        auto value = evaluator.Evaluate(**policy, "data.t", input, {}, options);
        got[use_index] = value.ok() ? ToRego(*value) : std::string(Message(value.status()));
        ++(value.ok() ? values : errors);
      }
      ASSERT_EQ(got[0], got[1]) << "seed " << seed << " input " << json << "\n" << module;
    }
  }
  // The seeds do reach what is tested.
  EXPECT_GT(indexed, 200);
  EXPECT_GT(values, 300);
  EXPECT_GT(errors, 300);
}

}  // namespace
}  // namespace nacre::rego
