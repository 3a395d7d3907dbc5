// A document against a schema. Faults are collected in the order in which gojsonschema finds them:
// the combining keywords first, then what is said of the value's own kind.
#include <algorithm>
#include <cmath>

#include "policy/rego/builtins/json_schema.h"
#include "policy/rego/builtins/pattern.h"
#include "policy/rego/builtins/utf8.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

using Faults = std::vector<SchemaFault>;

std::string_view TypeOf(const Value& value) {
  if (value.is_number()) return IsInteger(value) ? "integer" : "number";
  return KindName(value.kind());
}

bool IsOfType(const Value& value, std::string_view type) {
  return TypeOf(value) == type || (type == "number" && value.is_number());
}

class Validator {
 public:
  Validator(BuiltinContext& context, const Value& root) : context_(context), root_(root) {}

  absl::Status Validate(const Value& schema, const Value& value, const std::string& field,
                        int depth, Faults* faults) {
    RETURN_IF_ERROR(context_.Step(50));
    if (depth > kMaxSchemaDepth) {
      return absl::ResourceExhaustedError("schema refers to itself without end");
    }
    if (schema.is_bool()) {
      if (!schema.boolean()) faults->push_back({"false", field, "False always fails validation"});
      return absl::OkStatus();
    }
    Value reference = schema.Get("$ref");
    if (reference.is_string()) {
      ASSIGN_OR_RETURN(Value target, ResolveReference(context_, root_, reference.string()));
      return Validate(target, value, field, depth + 1, faults);
    }
    Place place{schema, value, field, depth, faults};
    if (!CheckType(place)) return absl::OkStatus();
    RETURN_IF_ERROR(Combined(place));
    CheckFixed(place);
    if (value.is_array()) return CheckArray(place);
    if (value.is_object()) return CheckObject(place);
    if (value.is_string()) return CheckText(place);
    if (value.is_number()) CheckNumber(place);
    return absl::OkStatus();
  }

 private:
  struct Place {
    const Value& schema;
    const Value& value;
    const std::string& field;
    int depth;
    Faults* faults;

    void Add(std::string_view type, std::string description) const {
      faults->push_back({std::string(type), field, std::move(description)});
    }
    // The field one step further down.
    std::string Below(std::string_view name) const {
      return field == "(Root)" ? std::string(name) : StrCat(field, ".", name);
    }
  };

  static bool CheckType(const Place& place) {
    Value type = place.schema.Get("type");
    if (!type.defined()) return true;
    std::span<const Value> names(&type, 1);
    if (type.is_array()) names = type.elements();
    std::vector<std::string_view> texts;
    for (const Value& name : names) {
      if (IsOfType(place.value, name.string())) return true;
      texts.push_back(name.string());
    }
    std::string expected = StrJoin(texts, ",");
    if (texts.size() > 1) expected = StrCat("[", expected, "]");
    place.Add("invalid_type",
              StrCat("Invalid type. Expected: ", expected, ", given: ", TypeOf(place.value)));
    return false;
  }

  absl::StatusOr<Faults> Try(const Place& place, const Value& schema) {
    Faults faults;
    RETURN_IF_ERROR(Validate(schema, place.value, place.field, place.depth + 1, &faults));
    return faults;
  }

  // How many of a list of schemas fit; `best` gets the shortest list of faults of the others.
  absl::StatusOr<size_t> CountFits(const Place& place, const Value& schemas, Faults* best) {
    size_t fits = 0;
    bool first = true;
    for (const Value& schema : schemas.elements()) {
      ASSIGN_OR_RETURN(Faults faults, Try(place, schema));
      if (faults.empty()) ++fits;
      if (!faults.empty() && (first || faults.size() < best->size())) *best = std::move(faults);
      first = false;
    }
    return fits;
  }

  absl::Status Combined(const Place& place) {
    Faults best;
    if (Value any = place.schema.Get("anyOf"); any.is_array() && any.size() > 0) {
      ASSIGN_OR_RETURN(size_t fits, CountFits(place, any, &best));
      if (fits == 0) {
        place.Add("number_any_of", "Must validate at least one schema (anyOf)");
        place.faults->insert(place.faults->end(), best.begin(), best.end());
      }
    }
    best.clear();
    if (Value one = place.schema.Get("oneOf"); one.is_array() && one.size() > 0) {
      ASSIGN_OR_RETURN(size_t fits, CountFits(place, one, &best));
      if (fits != 1) {
        place.Add("number_one_of", "Must validate one and only one schema (oneOf)");
        if (fits == 0) place.faults->insert(place.faults->end(), best.begin(), best.end());
      }
    }
    if (Value all = place.schema.Get("allOf"); all.is_array()) {
      bool good = true;
      for (const Value& schema : all.elements()) {
        ASSIGN_OR_RETURN(Faults faults, Try(place, schema));
        good = good && faults.empty();
        place.faults->insert(place.faults->end(), faults.begin(), faults.end());
      }
      if (!good) place.Add("number_all_of", "Must validate all the schemas (allOf)");
    }
    if (Value negated = place.schema.Get("not"); negated.defined()) {
      ASSIGN_OR_RETURN(Faults faults, Try(place, negated));
      if (faults.empty()) place.Add("number_not", "Must not validate the schema (not)");
    }
    RETURN_IF_ERROR(Dependencies(place));
    return Conditional(place);
  }

  absl::Status Conditional(const Place& place) {
    Value condition = place.schema.Get("if");
    if (!condition.defined()) return absl::OkStatus();
    ASSIGN_OR_RETURN(Faults unmet, Try(place, condition));
    bool met = unmet.empty();
    Value branch = place.schema.Get(met ? "then" : "else");
    if (!branch.defined()) return absl::OkStatus();
    ASSIGN_OR_RETURN(Faults faults, Try(place, branch));
    if (faults.empty()) return absl::OkStatus();
    place.Add(met ? "condition_then" : "condition_else",
              met ? "Must validate \"then\" as \"if\" was valid"
                  : "Must validate \"else\" as \"if\" was not valid");
    place.faults->insert(place.faults->end(), faults.begin(), faults.end());
    return absl::OkStatus();
  }

  absl::Status Dependencies(const Place& place) {
    Value dependencies = place.schema.Get("dependencies");
    if (!dependencies.is_object() || !place.value.is_object()) return absl::OkStatus();
    for (const auto& [name, needs] : dependencies.members()) {
      if (!place.value.Contains(name)) continue;
      if (!needs.is_array()) {
        RETURN_IF_ERROR(Validate(needs, place.value, place.field, place.depth + 1, place.faults));
        continue;
      }
      for (const Value& other : needs.elements()) {
        if (place.value.Contains(other)) continue;
        place.Add("missing_dependency", StrCat("Has a dependency on ", other.string()));
      }
    }
    return absl::OkStatus();
  }

  void CheckFixed(const Place& place) {
    std::string name = place.field;
    if (Value fixed = place.schema.Get("const"); fixed.defined() && !(fixed == place.value)) {
      place.Add("const", StrCat(name, " does not match: ", GoJson(fixed)));
    }
    Value allowed = place.schema.Get("enum");
    if (!allowed.is_array()) return;
    std::vector<std::string> texts;
    for (const Value& one : allowed.elements()) {
      if (one == place.value) return;
      texts.push_back(GoJson(one));
    }
    place.Add("enum", StrCat(name, " must be one of the following: ", StrJoin(texts, ", ")));
  }

  absl::Status CheckItems(const Place& place) {
    Value items = place.schema.Get("items");
    std::span<const Value> elements = place.value.elements();
    if (items.is_array() && elements.size() > items.size()) {
      Value additional = place.schema.Get("additionalItems");
      if (additional.is_false()) {
        place.Add("array_no_additional_items", "No additional items allowed on array");
      }
    }
    for (size_t i = 0; i < elements.size(); ++i) {
      Value schema = items;
      if (items.is_array()) {
        schema = i < items.size() ? items.elements()[i] : place.schema.Get("additionalItems");
        if (schema.is_bool()) continue;
      }
      if (!schema.defined()) continue;
      RETURN_IF_ERROR(
          Validate(schema, elements[i], place.Below(StrCat(i)), place.depth + 1, place.faults));
    }
    return absl::OkStatus();
  }

  absl::Status CheckArray(const Place& place) {
    RETURN_IF_ERROR(CheckItems(place));
    Value size = Value::Int(static_cast<int64_t>(place.value.size()));
    if (Value least = place.schema.Get("minItems"); least.defined() && size < least) {
      place.Add("array_min_items", StrCat("Array must have at least ", ToRego(least), " items"));
    }
    if (Value most = place.schema.Get("maxItems"); most.defined() && most < size) {
      place.Add("array_max_items", StrCat("Array must have at most ", ToRego(most), " items"));
    }
    if (place.schema.Get("uniqueItems").is_true()) RETURN_IF_ERROR(CheckUnique(place));
    Value contained = place.schema.Get("contains");
    if (!contained.defined()) return absl::OkStatus();
    for (const Value& element : place.value.elements()) {
      Faults faults;
      RETURN_IF_ERROR(Validate(contained, element, place.field, place.depth + 1, &faults));
      if (faults.empty()) return absl::OkStatus();
    }
    place.Add("contains", "At least one of the items must match");
    return absl::OkStatus();
  }

  absl::Status CheckUnique(const Place& place) {
    std::span<const Value> elements = place.value.elements();
    RETURN_IF_ERROR(context_.Step(4 * elements.size()));
    std::vector<size_t> order(elements.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      int compared = Value::Compare(elements[a], elements[b]);
      return compared != 0 ? compared < 0 : a < b;
    });
    for (size_t i = 1; i < order.size(); ++i) {
      if (!(elements[order[i - 1]] == elements[order[i]])) continue;
      place.Add("unique", StrCat("array items[", order[i - 1], ",", order[i], "] must be unique"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<bool> MatchesPattern(std::string_view regex, std::string_view text) {
    ASSIGN_OR_RETURN(auto pattern, KeptRegex(context_, regex));
    RETURN_IF_ERROR(context_.Step(20 + pattern->SearchWork(text.size())));
    return pattern->Matches(text);
  }

  // One property: by its name, by patterns, or as an additional one.
  absl::Status CheckProperty(const Place& place, std::string_view name, const Value& value) {
    bool known = false;
    std::string field = place.Below(name);
    Value own = place.schema.Get("properties");
    if (Value schema = own.Get(name); own.is_object() && schema.defined()) {
      known = true;
      RETURN_IF_ERROR(Validate(schema, value, field, place.depth + 1, place.faults));
    }
    Value patterns = place.schema.Get("patternProperties");
    for (const auto& [regex, schema] :
         patterns.is_object() ? patterns.members() : std::span<const Member>()) {
      ASSIGN_OR_RETURN(bool matches, MatchesPattern(regex.string(), name));
      if (!matches) continue;
      known = true;
      RETURN_IF_ERROR(Validate(schema, value, field, place.depth + 1, place.faults));
    }
    Value additional = place.schema.Get("additionalProperties");
    if (known || !additional.defined()) return absl::OkStatus();
    if (additional.is_false()) {
      place.Add("additional_property_not_allowed",
                StrCat("Additional property ", name, " is not allowed"));
      return absl::OkStatus();
    }
    return Validate(additional, value, field, place.depth + 1, place.faults);
  }

  absl::Status CheckObject(const Place& place) {
    Value required = place.schema.Get("required");
    for (const Value& name : required.is_array() ? required.elements() : std::span<const Value>()) {
      if (!place.value.Contains(name)) {
        place.Add("required", StrCat(name.string(), " is required"));
      }
    }
    Value size = Value::Int(static_cast<int64_t>(place.value.size()));
    if (Value least = place.schema.Get("minProperties"); least.defined() && size < least) {
      place.Add("array_min_properties",
                StrCat("Must have at least ", ToRego(least), " properties"));
    }
    if (Value most = place.schema.Get("maxProperties"); most.defined() && most < size) {
      place.Add("array_max_properties", StrCat("Must have at most ", ToRego(most), " properties"));
    }
    Value names = place.schema.Get("propertyNames");
    for (const auto& [key, value] : place.value.members()) {
      std::string name = key.is_string() ? std::string(key.string()) : ToRego(key);
      if (names.defined()) {
        Faults faults;
        RETURN_IF_ERROR(Validate(names, key, place.field, place.depth + 1, &faults));
        if (!faults.empty()) {
          place.Add("invalid_property_name",
                    StrCat("Property name of \"", name, "\" does not match"));
        }
      }
      RETURN_IF_ERROR(CheckProperty(place, name, value));
    }
    return absl::OkStatus();
  }

  absl::Status CheckText(const Place& place) {
    std::string_view text = place.value.string();
    Value length = Value::Int(static_cast<int64_t>(CountRunes(text)));
    if (Value least = place.schema.Get("minLength"); least.defined() && length < least) {
      place.Add("string_gte",
                StrCat("String length must be greater than or equal to ", ToRego(least)));
    }
    if (Value most = place.schema.Get("maxLength"); most.defined() && most < length) {
      place.Add("string_lte", StrCat("String length must be less than or equal to ", ToRego(most)));
    }
    if (Value pattern = place.schema.Get("pattern"); pattern.is_string()) {
      ASSIGN_OR_RETURN(bool matches, MatchesPattern(pattern.string(), text));
      if (!matches) {
        place.Add("pattern", StrCat("Does not match pattern '", pattern.string(), "'"));
      }
    }
    Value format = place.schema.Get("format");
    if (format.is_string() && !HasFormat(format.string(), text)) {
      place.Add("format", StrCat("Does not match format '", format.string(), "'"));
    }
    return absl::OkStatus();
  }

  void CheckNumber(const Place& place) {
    const Value& value = place.value;
    if (Value multiple = place.schema.Get("multipleOf"); multiple.defined()) {
      auto quotient = DivideNumbers(context_.arena(), value, multiple);
      if (!quotient.ok() || !IsInteger(*quotient)) {
        place.Add("multiple_of", StrCat("Must be a multiple of ", ToRego(multiple)));
      }
    }
    Value above = place.schema.Get("exclusiveMaximum"),
          below = place.schema.Get("exclusiveMinimum");
    if (Value most = place.schema.Get("maximum"); most.defined()) {
      bool strict = above.is_true();
      if (most < value || (strict && most == value)) {
        place.Add(
            strict ? "number_lt" : "number_lte",
            StrCat(strict ? "Must be less than " : "Must be less than or equal to ", ToRego(most)));
      }
    }
    if (above.is_number() && !(value < above)) {
      place.Add("number_lt", StrCat("Must be less than ", ToRego(above)));
    }
    if (Value least = place.schema.Get("minimum"); least.defined()) {
      bool strict = below.is_true();
      if (value < least || (strict && least == value)) {
        place.Add(strict ? "number_gt" : "number_gte",
                  StrCat(strict ? "Must be greater than " : "Must be greater than or equal to ",
                         ToRego(least)));
      }
    }
    if (below.is_number() && !(below < value)) {
      place.Add("number_gt", StrCat("Must be greater than ", ToRego(below)));
    }
  }

  BuiltinContext& context_;
  const Value& root_;
};

}  // namespace

absl::StatusOr<std::vector<SchemaFault>> ValidateBySchema(BuiltinContext& context,
                                                          const Value& schema,
                                                          const Value& document) {
  Faults faults;
  RETURN_IF_ERROR(Validator(context, schema).Validate(schema, document, "(Root)", 0, &faults));
  return faults;
}

}  // namespace nacre::rego
