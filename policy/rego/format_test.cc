#include "policy/rego/format.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace nacre::rego {
namespace {

std::string Formatted(std::string_view text, bool v1 = true) {
  auto once = FormatModule("p.rego", text, {.v1 = v1});
  if (!once.ok()) return std::string(Message(once.status()));
  auto twice = FormatModule("p.rego", *once, {.v1 = v1});
  EXPECT_TRUE(twice.ok() && *twice == *once) << *once;
  return *once;
}

TEST(Format, LaysOutRules) {
  EXPECT_EQ(Formatted("package   a\nimport data.x  as y\np   if {x:=1;  x==y }\nq contains z if "
                      "some z in [1,2]"),
            "package a\n\nimport data.x as y\n\np if {\n\tx := 1\n\tx == y\n}\n\n"
            "q contains z if some z in [1, 2]\n");
  EXPECT_EQ(Formatted("package a\nf(x):=1 if x>1 else:=2\ndefault p:=false"),
            "package a\n\nf(x) := 1 if x > 1 else := 2\n\ndefault p := false\n");
}

TEST(Format, KeepsCommentsInPlace) {
  EXPECT_EQ(
      Formatted("# top\npackage a # here\n\n# before\np if {\n# inside\n  true # behind\n # "
                "last\n}\n# end"),
      "# top\npackage a # here\n\n# before\np if {\n\t# inside\n\ttrue # behind\n\t# last\n}\n\n"
      "# end\n");
}

TEST(Format, KeepsLinesOfComposites) {
  EXPECT_EQ(Formatted("package a\np := {\"k\":1,\n\"l\":[1,2]}"),
            "package a\n\np := {\"k\": 1, \"l\": [1, 2]}\n");
  EXPECT_EQ(Formatted("package a\np := {\n\"k\":1, # one\n\"l\":`raw`}"),
            "package a\n\np := {\n\t\"k\": 1, # one\n\t\"l\": `raw`,\n}\n");
}

TEST(Format, KeepsMeaning) {
  EXPECT_EQ(Formatted("package a\np := (1+2)*3-x[\"b\"][\"c d\"] if not y with input.z as {1}"),
            "package a\n\np := (1 + 2) * 3 - x.b[\"c d\"] if not y with input.z as {1}\n");
  EXPECT_EQ(Formatted("package a\np[x] { x := 1 }", false), "package a\n\np[x] {\n\tx := 1\n}\n");
  EXPECT_EQ(Formatted("package a\np := {k:v|some k,v in y;v>1}"),
            "package a\n\np := {k: v | some k, v in y; v > 1}\n");
  EXPECT_NE(Formatted("package a\np :=").find("rego_parse_error"), std::string::npos);
}

}  // namespace
}  // namespace nacre::rego
