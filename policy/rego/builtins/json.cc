// json.marshal, json.marshal_with_options, json.unmarshal, json.is_valid.
#include "policy/rego/json.h"

#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"

namespace nacre::rego {
namespace {

Result Marshal(BuiltinContext& context, Args args) {
  std::string text = GoJson(args[0]);
  RETURN_IF_ERROR(CheckTextSize(text.size()));
  RETURN_IF_ERROR(context.Step(text.size() / 8));
  return Text(context, text);
}

struct MarshalOptions {
  bool pretty = false;
  std::string_view prefix;
  std::string_view indent = "\t";
};

absl::StatusOr<MarshalOptions> ReadOptions(const Value& object) {
  MarshalOptions options;
  bool said = false;  // "pretty" was given; otherwise prefix or indent imply it
  bool implied = false;
  for (const auto& [key, value] : object.members()) {
    std::string_view name = key.is_string() ? key.string() : "";
    if (name == "pretty") {
      if (!value.is_bool()) return TypeError("operand 2 key \"pretty\" failed cast to bool");
      said = true;
      options.pretty = value.boolean();
    } else if (name == "prefix" || name == "indent") {
      if (!value.is_string()) {
        return TypeError(StrCat("operand 2 key \"", name, "\" failed cast to string: must be ",
                                "string but got ", KindName(value.kind())));
      }
      implied = true;
      (name == "prefix" ? options.prefix : options.indent) = value.string();
    } else {
      return TypeError(StrCat("operand 2 object contained unknown key ", ToRego(key)));
    }
  }
  if (!said) options.pretty = implied;
  return options;
}

// JSON text laid out anew: each element and member on a line of its own.
class Indenter {
 public:
  Indenter(BuiltinContext& context, const MarshalOptions& options)
      : context_(context), options_(options) {}

  absl::Status Add(std::string_view json) {
    bool quoted = false;
    for (size_t i = 0; i < json.size(); ++i) {
      char c = json[i];
      if (quoted || c == '"') {
        out_.push_back(c);
        if (quoted && c == '\\') out_.push_back(json[++i]);
        quoted = quoted != (c == '"');
        continue;
      }
      if (c == '{' || c == '[') {
        out_.push_back(c);
        if (json[i + 1] == c + 2) {  // the bracket that closes it: {} and []
          out_.push_back(json[++i]);
          continue;
        }
        ++depth_;
        RETURN_IF_ERROR(Line());
      } else if (c == '}' || c == ']') {
        --depth_;
        RETURN_IF_ERROR(Line());
        out_.push_back(c);
      } else {
        out_.push_back(c);
        if (c == ':') out_.push_back(' ');
        if (c == ',') RETURN_IF_ERROR(Line());
      }
    }
    return absl::OkStatus();
  }

  std::string out_;

 private:
  absl::Status Line() {
    out_.push_back('\n');
    out_.append(options_.prefix);
    for (int i = 0; i < depth_; ++i) out_.append(options_.indent);
    RETURN_IF_ERROR(context_.Step(4));
    return CheckTextSize(out_.size());
  }

  BuiltinContext& context_;
  const MarshalOptions& options_;
  int depth_ = 0;
};

Result MarshalWithOptions(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 2, Kind::kObject));
  ASSIGN_OR_RETURN(MarshalOptions options, ReadOptions(args[1]));
  if (!options.pretty) return Marshal(context, args);
  Indenter indenter(context, options);
  indenter.out_ = options.prefix;
  RETURN_IF_ERROR(indenter.Add(GoJson(args[0])));
  return Text(context, indenter.out_);
}

Result Unmarshal(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  RETURN_IF_ERROR(context.Step(text.size() / 4));
  auto value = ValueFromJson(context.arena(), text);
  if (!value.ok()) return AsBuiltinError(value.status());
  return value;
}

Result IsValid(BuiltinContext& context, Args args) {
  if (!args[0].is_string()) return Value::Bool(false);
  RETURN_IF_ERROR(context.Step(args[0].size() / 4));
  return Value::Bool(ValueFromJson(context.arena(), args[0].string(), true).ok());
}

}  // namespace

void RegisterJson(BuiltinRegistry& registry) {
  registry.Register({"json.marshal", {kAny}, kString, Marshal});
  registry.Register({"json.marshal_with_options", {kAny, kObject}, kString, MarshalWithOptions});
  registry.Register({"json.unmarshal", {kString}, kAny, Unmarshal});
  registry.Register({"json.is_valid", {kString}, kBoolean, IsValid});
}

}  // namespace nacre::rego
