// strings.render_template: a Go template over an object. A value that is not there prints as
// <undefined>.
#include <algorithm>

#include "policy/rego/builtins/go_quote.h"
#include "policy/rego/builtins/go_sprintf.h"
#include "policy/rego/builtins/go_template.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/builtins/url.h"
#include "policy/rego/builtins/utf8.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

absl::Status Wrong(const std::string& what) {
  return absl::InvalidArgumentError(StrCat("template: template: ", what));
}

bool IsTrue(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNull:
      return false;
    case Kind::kBool:
      return value.boolean();
    case Kind::kNumber:
      return NumberSign(value) != 0;
    default:
      return value.size() > 0;
  }
}

// As Go's fmt prints maps and slices: map[a:1 b:[2 3]].
std::string Print(const Value& value) {
  if (!value.defined()) return "<undefined>";
  if (value.is_null()) return "<nil>";
  if (value.is_string()) return std::string(value.string());
  if (!value.is_collection()) return ToRego(value);
  std::string out = value.is_object() ? "map[" : "[";
  std::string_view space = "";
  if (value.is_object()) {
    for (const auto& [key, member] : value.members()) {
      StrAppend(&out, space, Print(key), ":", Print(member));
      space = " ";
    }
  } else {
    for (const Value& element : value.elements()) {
      StrAppend(&out, space, Print(element));
      space = " ";
    }
  }
  return out + "]";
}

enum class Flow { kOn, kBreak, kContinue };

class Executor {
 public:
  Executor(BuiltinContext& context, const Value& data) : context_(context) {
    variables_.emplace_back("$", data);
  }

  absl::StatusOr<Flow> Run(const std::vector<TemplateNode>& nodes, const Value& dot) {
    size_t scope = variables_.size();
    Flow flow = Flow::kOn;
    for (const TemplateNode& node : nodes) {
      RETURN_IF_ERROR(context_.Step(10));
      RETURN_IF_ERROR(CheckTextSize(out_.size()));
      ASSIGN_OR_RETURN(flow, RunNode(node, dot));
      if (flow != Flow::kOn) break;
    }
    variables_.resize(scope);
    return flow;
  }

  std::string out_;

 private:
  absl::StatusOr<Flow> RunNode(const TemplateNode& node, const Value& dot) {
    switch (node.kind) {
      case TemplateNode::Kind::kText:
        out_ += node.text;
        return Flow::kOn;
      case TemplateNode::Kind::kBreak:
        return Flow::kBreak;
      case TemplateNode::Kind::kContinue:
        return Flow::kContinue;
      case TemplateNode::Kind::kRange:
        return RunRange(node, dot);
      default:
        break;
    }
    size_t scope = variables_.size();
    ASSIGN_OR_RETURN(Value value, Evaluate(node.pipeline, dot));
    if (node.kind == TemplateNode::Kind::kAction) {
      if (!node.pipeline.variables.empty()) {
        Assign(node.pipeline.variables[0], value, node.pipeline.declares);
      } else {
        out_ += Print(value);
        RETURN_IF_ERROR(context_.Step(out_.size() / 1024));
      }
      return Flow::kOn;
    }
    if (!node.pipeline.variables.empty()) {
      Assign(node.pipeline.variables[0], value, node.pipeline.declares);
    }
    bool with = node.kind == TemplateNode::Kind::kWith;
    auto flow = IsTrue(value) ? Run(node.body, with ? value : dot) : Run(node.otherwise, dot);
    variables_.resize(scope);
    return flow;
  }

  absl::StatusOr<Flow> RunRange(const TemplateNode& node, const Value& dot) {
    ASSIGN_OR_RETURN(Value value, Evaluate(node.pipeline, dot));
    if (value.defined() && !value.is_null() && !value.is_collection()) {
      return Wrong(StrCat("range can't iterate over ", Print(value)));
    }
    if (!IsTrue(value)) return Run(node.otherwise, dot);
    for (size_t i = 0; i < value.size(); ++i) {
      Value key = value.is_object() ? value.members()[i].key : Value::Int(static_cast<int64_t>(i));
      Value element = value.is_object() ? value.members()[i].value : value.elements()[i];
      size_t scope = variables_.size();
      const std::vector<std::string>& names = node.pipeline.variables;
      if (names.size() == 1) Assign(names[0], element, node.pipeline.declares);
      if (names.size() > 1) {
        Assign(names[0], key, node.pipeline.declares);
        Assign(names[1], element, node.pipeline.declares);
      }
      ASSIGN_OR_RETURN(Flow flow, Run(node.body, element));
      variables_.resize(scope);
      if (flow == Flow::kBreak) break;
    }
    return Flow::kOn;
  }

  void Assign(const std::string& name, const Value& value, bool declare) {
    for (auto known = variables_.rbegin(); !declare && known != variables_.rend(); ++known) {
      if (known->first != name) continue;
      known->second = value;
      return;
    }
    variables_.emplace_back(name, value);
  }

  absl::StatusOr<Value> Evaluate(const TemplatePipeline& pipeline, const Value& dot) {
    Value value;
    for (size_t i = 0; i < pipeline.commands.size(); ++i) {
      ASSIGN_OR_RETURN(value, Command(pipeline.commands[i], dot, i > 0 ? &value : nullptr));
    }
    return value;
  }

  // `piped`: the last argument, from the command before.
  absl::StatusOr<Value> Command(const std::vector<TemplateWord>& words, const Value& dot,
                                const Value* piped) {
    RETURN_IF_ERROR(context_.Step(5));
    const TemplateWord& first = words[0];
    if (first.kind != TemplateWord::Kind::kFunction) {
      if (words.size() > 1 || piped != nullptr) {
        return Wrong("can't give argument to non-function");
      }
      return Evaluate(first, dot);
    }
    std::vector<Value> arguments;
    bool lazy = first.name == "and" || first.name == "or";
    for (size_t i = 1; i < words.size(); ++i) {
      ASSIGN_OR_RETURN(Value argument, Evaluate(words[i], dot));
      arguments.push_back(argument);
      if (lazy && IsTrue(argument) == (first.name == "or")) return argument;
    }
    if (piped != nullptr) arguments.push_back(*piped);
    return CallFunction(first.name, arguments);
  }

  absl::StatusOr<Value> Evaluate(const TemplateWord& word, const Value& dot) {
    Value value;
    switch (word.kind) {
      case TemplateWord::Kind::kDot:
        value = dot;
        break;
      case TemplateWord::Kind::kLiteral:
        return word.literal;
      case TemplateWord::Kind::kFunction:
        return CallFunction(word.name, {});
      case TemplateWord::Kind::kPipeline: {
        ASSIGN_OR_RETURN(value, Evaluate(*word.pipeline, dot));
        break;
      }
      case TemplateWord::Kind::kVariable: {
        auto found = std::find_if(variables_.rbegin(), variables_.rend(),
                                  [&](const auto& known) { return known.first == word.name; });
        if (found == variables_.rend()) {
          return Wrong(StrCat("undefined variable ", GoQuote(word.name)));
        }
        value = found->second;
      }
    }
    for (const std::string& field : word.fields) {
      if (!value.defined()) break;  // and prints as such
      if (!value.is_object()) {
        return Wrong(StrCat("can't evaluate field ", field, " in ", Print(value)));
      }
      value = value.Get(field);
    }
    return value;
  }

  absl::StatusOr<Value> CallFunction(std::string_view name, const std::vector<Value>& arguments) {
    size_t count = arguments.size();
    auto want = [&](size_t least) { return count >= least; };
    if (name == "print" || name == "println" || name == "urlquery") {
      std::string out;
      for (size_t i = 0; i < count; ++i) {
        bool texts = i > 0 && (arguments[i].is_string() || arguments[i - 1].is_string());
        StrAppend(&out, i > 0 && (name == "println" || !texts) ? " " : "", Print(arguments[i]));
      }
      if (name == "println") out += '\n';
      RETURN_IF_ERROR(CheckTextSize(out.size()));
      return Text(context_, name == "urlquery" ? QueryEscape(out) : out);
    }
    if (!want(1)) return Wrong(StrCat("function ", GoQuote(name), " not defined or no argument"));
    const Value& first = arguments[0];
    if (name == "and" || name == "or") return arguments.back();
    if (name == "not") return Value::Bool(!IsTrue(first));
    if (name == "len") {
      if (!first.is_string() && !first.is_collection()) return Wrong("len of type that has none");
      return Value::Int(static_cast<int64_t>(first.size()));
    }
    if (name == "index") return Index(arguments);
    if (name == "printf") return Printf(arguments);
    return Compare(name, arguments);
  }

  static absl::StatusOr<Value> Index(const std::vector<Value>& arguments) {
    Value value = arguments[0];
    for (size_t i = 1; i < arguments.size(); ++i) {
      if (!value.is_collection()) return Wrong("can't index item of this type");
      bool list = value.is_array();
      value = value.Get(arguments[i]);
      if (list && !value.defined())
        return Wrong(StrCat("index out of range: ", Print(arguments[i])));
    }
    return value;
  }

  absl::StatusOr<Value> Printf(const std::vector<Value>& arguments) {
    if (!arguments[0].is_string()) return Wrong("printf wants a format");
    std::vector<FormatArgument> values;
    for (size_t i = 1; i < arguments.size(); ++i) {
      std::optional<int64_t> whole;
      if (arguments[i].is_number()) whole = ToInt64(arguments[i]);
      if (whole.has_value()) {
        values.emplace_back(*whole);
      } else if (arguments[i].is_number()) {
        values.emplace_back(ToDouble(arguments[i]));
      } else {
        values.emplace_back(Print(arguments[i]));
      }
    }
    ASSIGN_OR_RETURN(std::string text, GoSprintf(arguments[0].string(), values, kMaxTextBytes));
    return Text(context_, text);
  }

  static absl::StatusOr<Value> Compare(std::string_view name, const std::vector<Value>& arguments) {
    constexpr std::string_view kNames[] = {"eq", "ne", "lt", "le", "gt", "ge"};
    const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
    if (found == std::end(kNames)) return Wrong(StrCat("function ", GoQuote(name), " not defined"));
    if (arguments.size() < 2) return Wrong(StrCat("missing argument for ", name));
    const Value& first = arguments[0];
    for (size_t i = 1; i < arguments.size(); ++i) {
      if (first.kind() != arguments[i].kind()) {
        if (name == "eq" || name == "ne") continue;
        return Wrong("incompatible types for comparison");
      }
      int order = Value::Compare(first, arguments[i]);
      bool holds[] = {order == 0, order != 0, order<0, order <= 0, order> 0, order >= 0};
      if (name != "eq" || holds[0]) return Value::Bool(holds[found - kNames]);
    }
    return Value::Bool(name == "ne");
  }

  BuiltinContext& context_;
  std::vector<std::pair<std::string, Value>> variables_;
};

Result Render(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  RETURN_IF_ERROR(WantKind(args, 2, Kind::kObject));
  RETURN_IF_ERROR(context.Step(text.size()));
  auto nodes = ParseTemplate(context.arena(), text);
  if (!nodes.ok()) return AsBuiltinError(nodes.status());
  auto out = ExecuteTemplate(context, *nodes, args[1]);
  if (!out.ok()) return AsBuiltinError(out.status());
  return Text(context, *out);
}

}  // namespace

absl::StatusOr<std::string> ExecuteTemplate(BuiltinContext& context,
                                            const std::vector<TemplateNode>& nodes,
                                            const Value& data) {
  Executor executor(context, data);
  RETURN_IF_ERROR(executor.Run(nodes, data).status());
  return std::move(executor.out_);
}

void RegisterTemplate(BuiltinRegistry& registry) {
  registry.Register({"strings.render_template", {kString, kObject}, kString, Render});
}

}  // namespace nacre::rego
