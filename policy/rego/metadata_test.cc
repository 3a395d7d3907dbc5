#include "policy/rego/metadata.h"

#include <gtest/gtest.h>

#include "policy/rego/engine_testing.h"

namespace nacre::rego {
namespace {

TEST(Metadata, TheRuleItsDocumentAndItsPackage) {
  const char module[] = R"(# METADATA
# title: whole
# scope: subpackages
package t

# METADATA
# scope: document
# description: both
p := 0 if false

# METADATA
# authors:
# - Ada <ada@example.org>
# - Bob
p := rego.metadata.chain() if true

q := rego.metadata.rule().title

# METADATA
# title: own
r := rego.metadata.rule().title
)";
  EXPECT_EQ(EvalText(module, "data.t.p"),
            R"([{"annotations": {"authors": [{"email": "ada@example.org", "name": "Ada"}, )"
            R"({"name": "Bob"}], "scope": "rule"}, "path": ["t", "p"]}, )"
            R"({"annotations": {"description": "both", "scope": "document"}, "path": ["t", "p"]}, )"
            R"({"annotations": {"scope": "subpackages", "title": "whole"}, "path": ["t"]}])");
  EXPECT_EQ(EvalText(module, "data.t.q"), "undefined");
  EXPECT_EQ(EvalText(module, "data.t.r"), "\"own\"");
}

TEST(Metadata, WhatIsNoAnnotationIsPassedOver) {
  EXPECT_EQ(P("# METADATA\n# : [\np := rego.metadata.rule()"), "{}");
  EXPECT_EQ(P("# title: x\np := rego.metadata.rule()"), "{}");
}

TEST(Metadata, ModulesAsDocuments) {
  EXPECT_EQ(
      P("m := rego.parse_module(\"x.rego\", \"package a.b\\np := 1 if q\")\n"
        "p := [m[\"package\"].path[2].value, m.rules[0].head.name, m.rules[0].body[0].terms]"),
      R"(["b", "p", {"type": "var", "value": "q"}])");
  EXPECT_EQ(P("p := rego.parse_module(\"x.rego\", \"package\")"), "undefined");
  EXPECT_NE(P("p := rego.parse_module(\"x.rego\", \"package\")", {.strict = true})
                .find("eval_builtin_error: rego.parse_module: 1 error occurred: x.rego:1"),
            std::string::npos);
}

}  // namespace
}  // namespace nacre::rego
