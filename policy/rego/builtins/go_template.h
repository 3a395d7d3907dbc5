// The language of Go's text/template, as far as values without methods need it: fields, variables,
// pipelines, if, with, range, break, continue, comments, trimming, and the comparing and printing
// functions. Not: define, template, block, html, js, call.
#pragma once

#include <memory>

#include "policy/rego/builtins/common.h"

namespace nacre::rego {

inline constexpr int kMaxTemplateDepth = 64;

// A word of an action: .a.b, $x.c, "text", 12, name of a function, or a pipeline in parentheses.
struct TemplateWord {
  enum class Kind { kDot, kVariable, kLiteral, kFunction, kPipeline };
  Kind kind = Kind::kDot;
  std::string name;                 // variable or function
  std::vector<std::string> fields;  // behind a dot, a variable or a pipeline
  Value literal;
  std::unique_ptr<struct TemplatePipeline> pipeline;
};
// Words of one command, commands with | between them, and where the result goes.
struct TemplatePipeline {
  std::vector<std::string> variables;  // "$x", or "$i" and "$x" of a range
  bool declares = false;               // := and not =
  std::vector<std::vector<TemplateWord>> commands;
};
struct TemplateNode {
  enum class Kind { kText, kAction, kIf, kWith, kRange, kBreak, kContinue };
  Kind kind = Kind::kText;
  std::string text;
  TemplatePipeline pipeline;
  std::vector<TemplateNode> body;
  std::vector<TemplateNode> otherwise;
};

// kInvalidArgument says what is wrong. Literals are made in the arena.
absl::StatusOr<std::vector<TemplateNode>> ParseTemplate(Arena& arena, std::string_view text);
absl::StatusOr<std::string> ExecuteTemplate(BuiltinContext& context,
                                            const std::vector<TemplateNode>& nodes,
                                            const Value& data);

}  // namespace nacre::rego
