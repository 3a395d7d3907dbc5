// Strict JSON: UTF-8, no duplicate keys, bounded depth and size. Exceptions of the library never
// leave json.cc.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace nacre {

using Json = nlohmann::json;  // objects are kept in key order

struct JsonLimits {
  size_t max_size = 4 << 20;
  int max_depth = 64;
};

// kInvalidArgument with line and column, or the duplicate key.
absl::StatusOr<Json> ParseJson(std::string_view text, const JsonLimits& limits = {});

// Compact text, keys sorted. Replaces nothing silently: invalid UTF-8 is an error.
absl::StatusOr<std::string> DumpJson(const Json& value, int indent = -1);
// RFC 8785 (JCS): keys sorted by UTF-16 code units, shortest numbers, minimal escapes. Refuses NaN
// and integers past 2^53.
absl::StatusOr<std::string> CanonicalJson(const Json& value);

// Members of an object, typed. `where` names the object in errors: "tee-evidence: member 'nonce' is
// missing".
absl::StatusOr<const Json*> JsonMember(const Json& object, std::string_view key,
                                       std::string_view where);
absl::StatusOr<std::string> JsonString(const Json& object, std::string_view key,
                                       std::string_view where);
absl::StatusOr<uint64_t> JsonUint(const Json& object, std::string_view key, std::string_view where);
absl::StatusOr<bool> JsonBool(const Json& object, std::string_view key, std::string_view where);
absl::StatusOr<const Json*> JsonObject(const Json& object, std::string_view key,
                                       std::string_view where);
absl::StatusOr<const Json*> JsonArray(const Json& object, std::string_view key,
                                      std::string_view where);
// kInvalidArgument naming the first member that is not in `known`.
absl::Status JsonOnlyMembers(const Json& object, std::initializer_list<std::string_view> known,
                             std::string_view where);

}  // namespace nacre
