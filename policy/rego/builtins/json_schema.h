// JSON Schema, drafts 4, 6 and 7: checking that a schema is one, and a document against it.
// References stay inside the schema; nothing is fetched.
#pragma once

#include "policy/rego/builtins/common.h"

namespace nacre::rego {

// How deep schemas may lie inside each other, counting references that are followed.
inline constexpr int kMaxSchemaDepth = 200;

// kInvalidArgument names the keyword that is wrong, in the words of gojsonschema.
absl::Status CheckSchema(BuiltinContext& context, const Value& schema);

// The schema a "$ref" means: "#" or "#/definitions/x".
absl::StatusOr<Value> ResolveReference(BuiltinContext& context, const Value& root,
                                       std::string_view reference);

struct SchemaFault {
  std::string type;         // "invalid_type"
  std::string field;        // "a.0", "(Root)"
  std::string description;  // "Invalid type. Expected: string, given: integer"
};
// All faults of the document; none means it fits. Wants a schema that CheckSchema accepts. An error
// status is a budget that ran out.
absl::StatusOr<std::vector<SchemaFault>> ValidateBySchema(BuiltinContext& context,
                                                          const Value& schema,
                                                          const Value& document);

// Whether text has a named format ("ipv4", "date-time"...); unknown formats fit everything.
bool HasFormat(std::string_view format, std::string_view text);

}  // namespace nacre::rego
