// json.match_schema, json.verify_schema, and the formats of text that schemas name.
#include "policy/rego/builtins/json_schema.h"

#include <arpa/inet.h>

#include "policy/rego/builtins/go_layout.h"
#include "policy/rego/builtins/pattern.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/builtins/url.h"
#include "policy/rego/json.h"

namespace nacre::rego {
namespace {

// Text is JSON; objects and arrays are themselves.
absl::StatusOr<Value> Document(BuiltinContext& context, const Value& value) {
  if (value.is_object() || value.is_array()) return value;
  if (!value.is_string()) {
    return absl::InvalidArgumentError("wrong type, expected string or object");
  }
  RETURN_IF_ERROR(context.Step(value.size()));
  auto parsed = ValueFromJson(context.arena(), value.string());
  if (!parsed.ok()) return absl::InvalidArgumentError("invalid JSON string");
  return parsed;
}

Result Match(BuiltinContext& context, Args args) {
  auto document = Document(context, args[0]);
  if (!document.ok()) return AsBuiltinError(document.status());
  auto schema = Document(context, args[1]);
  if (!schema.ok()) return AsBuiltinError(schema.status());
  absl::Status good = CheckSchema(context, *schema);
  if (!good.ok()) return AsBuiltinError(good);
  ASSIGN_OR_RETURN(std::vector<SchemaFault> faults, ValidateBySchema(context, *schema, *document));
  ArrayBuilder out(context.arena(), faults.size());
  for (const SchemaFault& fault : faults) {
    ObjectBuilder one(context.arena());
    one.Set("error", Text(context, StrCat(fault.field, ": ", fault.description)));
    one.Set("type", Text(context, fault.type));
    one.Set("field", Text(context, fault.field));
    one.Set("desc", Text(context, fault.description));
    out.Add(one.Build());
  }
  return Value::Array(context.arena(), {Value::Bool(faults.empty()), out.Build()});
}

Result VerifySchema(BuiltinContext& context, Args args) {
  auto schema = Document(context, args[0]);
  absl::Status good = schema.ok() ? CheckSchema(context, *schema) : schema.status();
  if (good.code() == absl::StatusCode::kResourceExhausted) return good;
  Value fault = good.ok() ? Value::Null() : Text(context, StrCat("jsonschema: ", Message(good)));
  return Value::Array(context.arena(), {Value::Bool(good.ok()), fault});
}

bool IsAddress(int family, std::string_view text) {
  uint8_t bytes[16];
  return inet_pton(family, std::string(text).c_str(), bytes) == 1;
}

bool Fits(std::string_view regex, std::string_view text) {
  auto pattern = Pattern::FromRegex(regex);
  return pattern.ok() && (*pattern)->Matches(text);
}

bool IsAnyTime(std::initializer_list<std::string_view> layouts, std::string_view text) {
  for (std::string_view layout : layouts) {
    if (ParseTime(layout, text).ok()) return true;
  }
  return false;
}

}  // namespace

bool HasFormat(std::string_view format, std::string_view text) {
  if (format == "ipv4") return IsAddress(AF_INET, text);
  if (format == "ipv6") return IsAddress(AF_INET6, text);
  if (format == "date") return IsAnyTime({"2006-01-02"}, text);
  if (format == "time") return IsAnyTime({"15:04:05", "15:04:05Z07:00"}, text);
  if (format == "date-time") {
    return IsAnyTime({"15:04:05", "15:04:05Z07:00", "2006-01-02", "2006-01-02T15:04:05Z07:00"},
                     text);
  }
  if (format == "email") return Fits("^[^@\\s]+@[^@\\s]+$", text);
  if (format == "hostname") {
    return text.size() <= 255 &&
           Fits(
               "^([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]{0,61}[a-zA-Z0-9])"
               "(\\.([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]{0,61}[a-zA-Z0-9]))*$",
               text);
  }
  if (format == "uuid") {
    return Fits("^[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}$",
                text);
  }
  if (format == "uri") {
    auto url = ParseUrl(text);
    return url.ok() && !url->scheme.empty() && text.find('\\') == text.npos;
  }
  if (format == "uri-reference") return ParseUrl(text).ok() && text.find('\\') == text.npos;
  if (format == "regex") return Pattern::FromRegex(text).ok();
  if (format == "json-pointer") return Fits("^(?:/(?:[^~/]|~0|~1)*)*$", text);
  return true;
}

void RegisterJsonSchema(BuiltinRegistry& registry) {
  constexpr KindMask kDocument = kString | kObject | kArray;
  registry.Register({.name = "json.match_schema",
                     .args = {kDocument, kDocument},
                     .result = kArray,
                     .function = Match});
  registry.Register({.name = "json.verify_schema",
                     .args = {kDocument},
                     .result = kArray,
                     .function = VerifySchema});
}

}  // namespace nacre::rego
