// yaml.marshal, yaml.unmarshal, yaml.is_valid. An alias is the very value of its anchor, shared, so
// that a small document that means a huge one costs nothing until it is written out.
#include "policy/yaml/yaml.h"

#include <map>

#include "policy/rego/builtins/base64.h"
#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/go_sprintf.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/builtins/yaml_scalar.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

// Turns the nodes of a document into values, each node once: what aliases share stays shared. Depth
// is the reader's to bound.
class YamlReader {
 public:
  explicit YamlReader(BuiltinContext& context) : context_(context) {}

  // The first document; null when there is none.
  absl::StatusOr<Value> Read(std::string_view text) {
    yaml::Limits limits;
    limits.max_size = SIZE_MAX;
    limits.max_depth = static_cast<size_t>(kMaxValueDepth);
    limits.max_documents = 1;
    limits.refuse_more_documents = false;
    limits.unique_keys = false;
    ASSIGN_OR_RETURN(const yaml::Stream stream, yaml::Parse(text, limits));
    if (stream.documents().empty() || stream.documents()[0] == nullptr) return Value::Null();
    return Take(*stream.documents()[0]);
  }

 private:
  absl::StatusOr<Value> Take(const yaml::Node& node) {
    auto known = values_.find(&node);
    if (known != values_.end()) return known->second;
    RETURN_IF_ERROR(context_.Step(10));
    Value value;
    if (node.kind == yaml::Kind::kScalar) {
      ASSIGN_OR_RETURN(value, TakeScalar(node));
    } else if (node.kind == yaml::Kind::kMapping) {
      ASSIGN_OR_RETURN(value, TakeMapping(node));
    } else {
      std::vector<Value> items;
      for (const yaml::Node* item : node.items) {
        ASSIGN_OR_RETURN(const Value one, Take(*item));
        items.push_back(one);
      }
      value = Value::Array(context_.arena(), items);
    }
    values_.emplace(&node, value);
    return value;
  }

  absl::StatusOr<Value> TakeMapping(const yaml::Node& node) {
    std::vector<Value> items;
    std::vector<Value> merged;
    for (size_t i = 0; i + 1 < node.items.size(); i += 2) {
      const yaml::Node& key = *node.items[i];
      if (key.plain && key.text == "<<" && key.tag.empty()) {
        ASSIGN_OR_RETURN(const Value source, Take(*node.items[i + 1]));
        RETURN_IF_ERROR(Merge(source, &merged));
        continue;
      }
      ASSIGN_OR_RETURN(const Value key_value, Take(key));
      ASSIGN_OR_RETURN(const Value key_text, AsKey(key_value));
      ASSIGN_OR_RETURN(const Value value, Take(*node.items[i + 1]));
      items.push_back(key_text);
      items.push_back(value);
    }
    ObjectBuilder out(context_.arena(), items.size() / 2);
    for (auto source = merged.rbegin(); source != merged.rend(); ++source) {
      for (const Member& member : source->members()) out.Set(member.key, member.value);
      RETURN_IF_ERROR(context_.Step(source->size()));
    }
    for (size_t i = 0; i + 1 < items.size(); i += 2) out.Set(items[i], items[i + 1]);
    return out.Build();
  }

  absl::StatusOr<Value> TakeScalar(const yaml::Node& node) {
    const std::string_view text = node.text;
    std::string_view tag = node.tag;
    constexpr std::string_view kPrefix = "tag:yaml.org,2002:";
    if (tag.starts_with(kPrefix)) tag.remove_prefix(kPrefix.size());
    if (tag == "binary") {
      auto bytes = GoBase64Decode(text);
      if (!bytes.ok())
        return absl::InvalidArgumentError("yaml: !!binary value contains invalid base64 data");
      return Text(context_, *bytes);
    }
    if ((node.plain && tag.empty()) || (!tag.empty() && tag != "str" && tag[0] != '!'))
      return ResolvePlainScalar(context_, text);
    return Text(context_, text);
  }

  // JSON's keys are text.
  absl::StatusOr<Value> AsKey(const Value& value) {
    if (value.is_string()) return value;
    if (value.is_number()) return Text(context_, NumberToText(value));
    if (value.is_bool()) return Text(context_, value.boolean() ? "true" : "false");
    return absl::InvalidArgumentError(
        StrCat("yaml: unsupported map key of type ", KindName(value.kind())));
  }

  static absl::Status Merge(const Value& value, std::vector<Value>* merged) {
    std::span<const Value> sources(&value, 1);
    if (value.is_array()) sources = value.elements();
    for (const Value& source : sources) {
      if (!source.is_object()) {
        return absl::InvalidArgumentError(
            "yaml: map merge requires map or sequence of maps as the value");
      }
      merged->push_back(source);
    }
    return absl::OkStatus();
  }

  BuiltinContext& context_;
  std::map<const yaml::Node*, Value> values_;
};

// Two spaces a level; a collection inside a sequence begins on the line of its hyphen.
class YamlWriter {
 public:
  explicit YamlWriter(BuiltinContext& context) : context_(context) {}

  absl::Status Write(const Value& value, size_t indent, bool after_hyphen) {
    RETURN_IF_ERROR(context_.Step(4));
    RETURN_IF_ERROR(CheckTextSize(out_.size()));
    bool sequence = value.is_array() || value.is_set();
    if (!value.is_collection() || value.size() == 0) {
      out_ += Scalar(value, indent, false);
      out_ += '\n';
      return absl::OkStatus();
    }
    bool first = after_hyphen;
    auto begin_line = [&] {
      if (!first) out_.append(indent, ' ');
      first = false;
    };
    if (sequence) {
      for (const Value& element : value.elements()) {
        begin_line();
        out_ += "- ";
        RETURN_IF_ERROR(Write(element, indent + 2, true));
      }
      return absl::OkStatus();
    }
    for (const auto& [key, member] : value.members()) {
      begin_line();
      out_ +=
          key.is_string() ? Scalar(key, indent, true) : WriteYamlScalar(ToRego(key), indent, true);
      out_ += ':';
      bool block = member.is_collection() && member.size() > 0;
      out_ += block ? '\n' : ' ';
      RETURN_IF_ERROR(Write(member, indent + 2, false));
    }
    return absl::OkStatus();
  }

  std::string out_;

 private:
  // Whole numbers in full, others as Go writes floats.
  static std::string Number(const Value& value) {
    std::optional<std::string> whole = ToIntegerText(value);
    if (whole.has_value() && whole->size() <= 21) return *whole;
    return FormatDouble(ToDouble(value), 'g', -1);
  }

  static std::string Scalar(const Value& value, size_t indent, bool key) {
    switch (value.kind()) {
      case Kind::kString:
        return WriteYamlScalar(value.string(), indent, key);
      case Kind::kObject:
        return "{}";
      case Kind::kArray:
      case Kind::kSet:
        return "[]";
      case Kind::kNumber:
        return IsInteger(value) && value.is_small() ? ToRego(value) : Number(value);
      default:
        return ToRego(value);
    }
  }

  BuiltinContext& context_;
};

Result Marshal(BuiltinContext& context, Args args) {
  YamlWriter writer(context);
  RETURN_IF_ERROR(writer.Write(args[0], 0, false));
  return Text(context, writer.out_);
}

Result Unmarshal(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  RETURN_IF_ERROR(context.Step(text.size()));
  auto value = YamlReader(context).Read(text);
  if (!value.ok()) return AsBuiltinError(value.status());
  return value;
}

Result IsValid(BuiltinContext& context, Args args) {
  if (!args[0].is_string()) return Value::Bool(false);
  RETURN_IF_ERROR(context.Step(args[0].size()));
  auto value = YamlReader(context).Read(args[0].string());
  if (value.status().code() == absl::StatusCode::kResourceExhausted) return value.status();
  return Value::Bool(value.ok());
}

}  // namespace

void RegisterYaml(BuiltinRegistry& registry) {
  registry.Register({"yaml.marshal", {kAny}, kString, Marshal});
  registry.Register({"yaml.unmarshal", {kString}, kAny, Unmarshal});
  registry.Register({"yaml.is_valid", {kString}, kBoolean, IsValid});
}

}  // namespace nacre::rego
