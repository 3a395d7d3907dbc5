// yaml.marshal, yaml.unmarshal, yaml.is_valid. libyaml splits the text into events; a stack of open
// collections turns them into values. An alias is the very value of its anchor, shared, so that a
// small document that means a huge one costs nothing until it is written out. The only user of
// libyaml.
#include <yaml.h>

#include <map>

#include "policy/rego/builtins/base64.h"
#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/go_sprintf.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/builtins/yaml_scalar.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

std::string_view View(const yaml_char_t* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

struct Event {
  yaml_event_t event{};
  ~Event() { yaml_event_delete(&event); }
};

// A collection being read.
struct Open {
  bool mapping = false;
  std::string anchor;
  std::vector<Value> items;  // of a mapping: key, value, key, value...
  bool merge_next = false;   // the key was "<<"
  std::vector<Value> merged;
};

class YamlReader {
 public:
  YamlReader(BuiltinContext& context, std::string_view text) : context_(context) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(
        &parser_, reinterpret_cast<const uint8_t*>(text.empty() ? "" : text.data()), text.size());
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
  }
  ~YamlReader() { yaml_parser_delete(&parser_); }
  YamlReader(const YamlReader&) = delete;
  YamlReader& operator=(const YamlReader&) = delete;

  // The first document; null when there is none.
  absl::StatusOr<Value> Read() {
    while (!done_) {
      Event event;
      RETURN_IF_ERROR(context_.Step(10));
      if (yaml_parser_parse(&parser_, &event.event) == 0) return Fault();
      RETURN_IF_ERROR(Take(event.event));
    }
    return root_;
  }

 private:
  absl::Status Fault() const {
    const char* problem = parser_.problem == nullptr ? "invalid document" : parser_.problem;
    size_t line = parser_.problem_mark.line + (parser_.error == YAML_SCANNER_ERROR ? 1 : 0);
    if (line == 0) return absl::InvalidArgumentError(StrCat("yaml: ", problem));
    return absl::InvalidArgumentError(StrCat("yaml: line ", line, ": ", problem));
  }

  absl::Status Take(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_SCALAR_EVENT:
        return TakeScalar(event);
      case YAML_ALIAS_EVENT:
        return TakeAlias(View(event.data.alias.anchor));
      case YAML_SEQUENCE_START_EVENT:
        return Begin(false, View(event.data.sequence_start.anchor));
      case YAML_MAPPING_START_EVENT:
        return Begin(true, View(event.data.mapping_start.anchor));
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        return End();
      case YAML_DOCUMENT_END_EVENT:
      case YAML_STREAM_END_EVENT:
        done_ = true;
        return absl::OkStatus();
      default:
        return absl::OkStatus();
    }
  }

  absl::Status Begin(bool mapping, std::string_view anchor) {
    if (open_.size() >= static_cast<size_t>(kMaxValueDepth)) {
      return absl::InvalidArgumentError("yaml: document is nested too deep");
    }
    open_.push_back({mapping, std::string(anchor), {}, false, {}});
    return absl::OkStatus();
  }

  absl::Status End() {
    Open closed = std::move(open_.back());
    open_.pop_back();
    if (!closed.mapping) return Add(Value::Array(context_.arena(), closed.items), closed.anchor);
    ObjectBuilder out(context_.arena(), closed.items.size() / 2);
    for (auto merged = closed.merged.rbegin(); merged != closed.merged.rend(); ++merged) {
      for (const Member& member : merged->members()) out.Set(member.key, member.value);
      RETURN_IF_ERROR(context_.Step(merged->size()));
    }
    for (size_t i = 0; i + 1 < closed.items.size(); i += 2) {
      out.Set(closed.items[i], closed.items[i + 1]);
    }
    return Add(out.Build(), closed.anchor);
  }

  absl::Status TakeAlias(std::string_view name) {
    auto found = anchors_.find(name);
    if (found != anchors_.end()) return Add(found->second, "");
    return absl::InvalidArgumentError(StrCat("yaml: unknown anchor '", name, "' referenced"));
  }

  absl::Status TakeScalar(const yaml_event_t& event) {
    const auto& scalar = event.data.scalar;
    std::string_view text(reinterpret_cast<const char*>(scalar.value), scalar.length);
    std::string_view tag = View(scalar.tag);
    constexpr std::string_view kPrefix = "tag:yaml.org,2002:";
    if (tag.starts_with(kPrefix)) tag.remove_prefix(kPrefix.size());
    bool plain = scalar.style == YAML_PLAIN_SCALAR_STYLE;
    bool key = !open_.empty() && open_.back().mapping && open_.back().items.size() % 2 == 0;
    if (key && plain && text == "<<" && tag.empty()) {
      open_.back().merge_next = true;
      return absl::OkStatus();
    }
    Value value;
    if (tag == "binary") {
      auto bytes = GoBase64Decode(text);
      if (!bytes.ok())
        return absl::InvalidArgumentError("yaml: !!binary value contains invalid base64 data");
      value = Text(context_, *bytes);
    } else if ((plain && tag.empty()) || (!tag.empty() && tag != "str" && tag[0] != '!')) {
      ASSIGN_OR_RETURN(value, ResolvePlainScalar(context_, text));
    } else {
      value = Text(context_, text);
    }
    return Add(value, View(scalar.anchor));
  }

  // JSON's keys are text.
  absl::StatusOr<Value> AsKey(const Value& value) {
    if (value.is_string()) return value;
    if (value.is_number()) return Text(context_, NumberToText(value));
    if (value.is_bool()) return Text(context_, value.boolean() ? "true" : "false");
    return absl::InvalidArgumentError(
        StrCat("yaml: unsupported map key of type ", KindName(value.kind())));
  }

  absl::Status Merge(Open& map, const Value& value) {
    map.merge_next = false;
    std::span<const Value> sources(&value, 1);
    if (value.is_array()) sources = value.elements();
    for (const Value& source : sources) {
      if (!source.is_object()) {
        return absl::InvalidArgumentError(
            "yaml: map merge requires map or sequence of maps as the value");
      }
      map.merged.push_back(source);
    }
    return absl::OkStatus();
  }

  absl::Status Add(const Value& value, std::string_view anchor) {
    if (!anchor.empty()) anchors_[std::string(anchor)] = value;
    if (open_.empty()) {
      root_ = value;
      return absl::OkStatus();
    }
    Open& parent = open_.back();
    if (parent.merge_next) return Merge(parent, value);
    if (parent.mapping && parent.items.size() % 2 == 0) {
      ASSIGN_OR_RETURN(Value key, AsKey(value));
      parent.items.push_back(key);
    } else {
      parent.items.push_back(value);
    }
    return absl::OkStatus();
  }

  BuiltinContext& context_;
  yaml_parser_t parser_{};
  std::vector<Open> open_;
  std::map<std::string, Value, std::less<>> anchors_;
  Value root_ = Value::Null();
  bool done_ = false;
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
  auto value = YamlReader(context, text).Read();
  if (!value.ok()) return AsBuiltinError(value.status());
  return value;
}

Result IsValid(BuiltinContext& context, Args args) {
  if (!args[0].is_string()) return Value::Bool(false);
  RETURN_IF_ERROR(context.Step(args[0].size()));
  auto value = YamlReader(context, args[0].string()).Read();
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
