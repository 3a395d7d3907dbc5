// Is it a schema? Keyword by keyword: what kind of value each takes, and what is inside those that
// take schemas.
#include <algorithm>

#include "policy/rego/builtins/json_path.h"
#include "policy/rego/builtins/json_schema.h"
#include "policy/rego/builtins/pattern.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

enum class Takes { kText, kNumber, kSize, kBool, kSchema, kSchemaList, kSchemaMap };

struct Keyword {
  std::string_view name;
  Takes takes;
};
constexpr Keyword kKeywords[] = {
    {"$id", Takes::kText},
    {"$ref", Takes::kText},
    {"title", Takes::kText},
    {"description", Takes::kText},
    {"format", Takes::kText},
    {"multipleOf", Takes::kNumber},
    {"minimum", Takes::kNumber},
    {"maximum", Takes::kNumber},
    {"minLength", Takes::kSize},
    {"maxLength", Takes::kSize},
    {"minProperties", Takes::kSize},
    {"maxProperties", Takes::kSize},
    {"minItems", Takes::kSize},
    {"maxItems", Takes::kSize},
    {"uniqueItems", Takes::kBool},
    {"not", Takes::kSchema},
    {"if", Takes::kSchema},
    {"then", Takes::kSchema},
    {"else", Takes::kSchema},
    {"contains", Takes::kSchema},
    {"propertyNames", Takes::kSchema},
    {"anyOf", Takes::kSchemaList},
    {"oneOf", Takes::kSchemaList},
    {"allOf", Takes::kSchemaList},
    {"definitions", Takes::kSchemaMap},
    {"properties", Takes::kSchemaMap},
    {"patternProperties", Takes::kSchemaMap},
};
constexpr std::string_view kTypes[] = {"array", "boolean", "integer", "number",
                                       "null",  "object",  "string"};

bool MayBeSchema(const Value& value) { return value.is_object() || value.is_bool(); }

class SchemaChecker {
 public:
  SchemaChecker(BuiltinContext& context, const Value& root) : context_(context), root_(root) {}

  absl::Status Check(const Value& schema, int depth) {
    RETURN_IF_ERROR(context_.Step(20));
    if (depth > kMaxSchemaDepth) return Wrong("schema is nested too deep");
    if (schema.is_bool()) return absl::OkStatus();
    if (!schema.is_object()) return Wrong("schema is invalid");
    for (const Keyword& keyword : kKeywords) {
      Value value = schema.Get(keyword.name);
      if (value.defined()) RETURN_IF_ERROR(CheckKeyword(keyword, value, depth));
    }
    RETURN_IF_ERROR(CheckReference(schema.Get("$ref")));
    RETURN_IF_ERROR(CheckType(schema.Get("type")));
    RETURN_IF_ERROR(CheckNumbers(schema));
    RETURN_IF_ERROR(CheckTexts(schema));
    RETURN_IF_ERROR(CheckItems(schema, depth));
    return CheckDependencies(schema.Get("dependencies"), depth);
  }

 private:
  absl::Status CheckKeyword(const Keyword& keyword, const Value& value, int depth) {
    std::string_view name = keyword.name;
    switch (keyword.takes) {
      case Takes::kText:
        if (value.is_string()) return absl::OkStatus();
        return Wrong(StrCat("Invalid type. Expected: string, given: ", name));
      case Takes::kNumber:
        if (value.is_number()) return absl::OkStatus();
        return Wrong(StrCat(name, " must be of a Number"));
      case Takes::kSize:
        if (!value.is_number() || !IsInteger(value)) {
          return Wrong(StrCat(name, " must be of an integer"));
        }
        if (NumberSign(value) >= 0) return absl::OkStatus();
        return Wrong(StrCat(name, " must be greater than or equal to 0"));
      case Takes::kBool:
        if (value.is_bool()) return absl::OkStatus();
        return Wrong(StrCat(name, " must be of a boolean"));
      case Takes::kSchema:
        if (!MayBeSchema(value)) return Wrong(StrCat(name, " must be of an object"));
        return Check(value, depth + 1);
      case Takes::kSchemaList:
        return CheckList(name, value, depth);
      case Takes::kSchemaMap:
        return CheckMap(name, value, depth);
    }
    return absl::OkStatus();
  }

  absl::Status CheckList(std::string_view name, const Value& value, int depth) {
    if (!value.is_array()) return Wrong(StrCat(name, " must be of an array"));
    for (const Value& schema : value.elements()) RETURN_IF_ERROR(Check(schema, depth + 1));
    return absl::OkStatus();
  }

  absl::Status CheckMap(std::string_view name, const Value& value, int depth) {
    if (!value.is_object()) {
      return Wrong(StrCat(name == "properties" ? "Properties" : name, " must be of type object"));
    }
    for (const auto& [key, schema] : value.members()) {
      if (name == "patternProperties" && key.is_string()) {
        RETURN_IF_ERROR(context_.Step(20 * key.size()));
        if (!Pattern::FromRegex(key.string()).ok()) {
          return Wrong(StrCat("Invalid regex pattern '", key.string(), "'"));
        }
      }
      RETURN_IF_ERROR(Check(schema, depth + 1));
    }
    return absl::OkStatus();
  }

  absl::Status CheckReference(const Value& reference) {
    if (!reference.is_string()) return absl::OkStatus();
    return ResolveReference(context_, root_, reference.string()).status();
  }

  absl::Status CheckType(const Value& type) {
    if (!type.defined()) return absl::OkStatus();
    std::span<const Value> names(&type, 1);
    if (type.is_array()) names = type.elements();
    std::vector<std::string_view> seen;
    for (const Value& name : names) {
      if (!name.is_string()) {
        return Wrong("Invalid type. Expected: type, given: string/Array Of Strings");
      }
      std::string_view text = name.string();
      if (std::find(std::begin(kTypes), std::end(kTypes), text) == std::end(kTypes)) {
        return Wrong(StrCat("has a primitive type that is NOT VALID -- given: /", text,
                            "/ Expected valid values are:[array boolean integer number null "
                            "object string]"));
      }
      if (std::find(seen.begin(), seen.end(), text) != seen.end()) {
        return Wrong(StrCat(text, " type is duplicated"));
      }
      seen.push_back(text);
    }
    return absl::OkStatus();
  }

  absl::Status CheckNumbers(const Value& schema) {
    Value multiple = schema.Get("multipleOf");
    if (multiple.defined() && NumberSign(multiple) <= 0) {
      return Wrong("multipleOf must be strictly greater than 0");
    }
    const std::pair<std::string_view, std::string_view> kBounds[] = {
        {"exclusiveMinimum", "minimum"}, {"exclusiveMaximum", "maximum"}};
    for (const auto& [exclusive, bound] : kBounds) {
      Value value = schema.Get(exclusive);
      if (value.defined() && !value.is_bool() && !value.is_number()) {
        return Wrong(StrCat("Invalid type. Expected: boolean/number, given: ", exclusive));
      }
      if (value.is_bool() && !schema.Get(bound).defined()) {
        return Wrong(StrCat(exclusive, " cannot be used without ", bound));
      }
    }
    for (std::string_view what : {"Length", "Properties", "Items"}) {
      Value least = schema.Get(StrCat("min", what)), most = schema.Get(StrCat("max", what));
      if (least.defined() && most.defined() && CompareNumbers(least, most) > 0) {
        return Wrong(StrCat("min", what, " cannot be greater than max", what));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckTexts(const Value& schema) {
    Value pattern = schema.Get("pattern");
    if (pattern.defined()) {
      if (!pattern.is_string()) return Wrong("pattern must be of a string");
      const auto compiled = KeptRegex(context_, pattern.string());
      if (absl::IsInvalidArgument(compiled.status())) return Wrong("pattern must be a valid regex");
      RETURN_IF_ERROR(compiled.status());
    }
    Value required = schema.Get("required");
    if (required.defined() && !required.is_array()) return Wrong("required must be of an array");
    for (const Value& name : required.is_array() ? required.elements() : std::span<const Value>()) {
      if (!name.is_string()) return Wrong("Invalid type. Expected: string, given: required");
    }
    Value allowed = schema.Get("enum");
    if (!allowed.defined()) return absl::OkStatus();
    if (!allowed.is_array()) return Wrong("enum must be of an array");
    std::vector<Value> sorted(allowed.elements().begin(), allowed.elements().end());
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end()) return absl::OkStatus();
    return Wrong("enum items must be unique");
  }

  absl::Status CheckItems(const Value& schema, int depth) {
    Value items = schema.Get("items");
    if (items.is_array()) {
      RETURN_IF_ERROR(CheckList("items", items, depth));
    } else if (items.defined()) {
      if (!MayBeSchema(items)) {
        return Wrong("Invalid type. Expected: Valid Schema/Array Of Schemas, given: items");
      }
      RETURN_IF_ERROR(Check(items, depth + 1));
    }
    for (std::string_view name : {"additionalItems", "additionalProperties"}) {
      Value value = schema.Get(name);
      if (!value.defined()) continue;
      if (!MayBeSchema(value)) {
        return Wrong(StrCat("Invalid type. Expected: boolean/Valid Schema, given: ", name));
      }
      RETURN_IF_ERROR(Check(value, depth + 1));
    }
    return absl::OkStatus();
  }

  absl::Status CheckDependencies(const Value& dependencies, int depth) {
    if (!dependencies.defined()) return absl::OkStatus();
    if (!dependencies.is_object()) return Wrong("dependencies must be of an object");
    for (const auto& [name, value] : dependencies.members()) {
      if (value.is_array()) {
        for (const Value& other : value.elements()) {
          if (!other.is_string()) {
            return Wrong("Dependency must be of type Schema Or Array Of Strings");
          }
        }
      } else if (MayBeSchema(value)) {
        RETURN_IF_ERROR(Check(value, depth + 1));
      } else {
        return Wrong("Dependency must be of type Schema Or Array Of Strings");
      }
    }
    return absl::OkStatus();
  }

  BuiltinContext& context_;
  const Value& root_;
};

}  // namespace

absl::Status CheckSchema(BuiltinContext& context, const Value& schema) {
  return SchemaChecker(context, schema).Check(schema, 0);
}

absl::StatusOr<Value> ResolveReference(BuiltinContext& context, const Value& root,
                                       std::string_view reference) {
  if (!reference.starts_with('#')) {
    return Wrong(
        StrCat("Reference ", reference, " lies outside the schema, and nothing is fetched"));
  }
  ASSIGN_OR_RETURN(std::vector<Value> path, ReadPath(context, Text(context, reference.substr(1))));
  Value found = root;
  for (const Value& key : path) {
    Value next = found.Get(key);
    int64_t index = 0;
    if (found.is_array() && ParseNumber(key.string(), &index)) next = found.Get(Value::Int(index));
    if (!next.defined()) return Wrong(StrCat("Object has no key '", key.string(), "'"));
    found = next;
  }
  if (!MayBeSchema(found)) return Wrong("schema is invalid");
  return found;
}

}  // namespace nacre::rego
