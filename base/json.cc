#include "base/json.h"

#include <algorithm>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/strings.h"

namespace nacre {
namespace {

absl::Status WrongType(std::string_view where, std::string_view key, std::string_view expected,
                       const Json& value) {
  return absl::InvalidArgumentError(StrCat(where, ": member '", key, "' must be ", expected,
                                           ", is ", std::string_view(value.type_name())));
}

absl::StatusOr<Json> Parse(std::string_view text, const JsonLimits& limits, bool with_bytes) {
  if (text.size() > limits.max_size) {
    return absl::InvalidArgumentError(
        StrCat("JSON: ", text.size(), " bytes, the limit is ", limits.max_size));
  }
  if (text.find('\0') != text.npos) {
    return absl::InvalidArgumentError("JSON: holds a zero byte");
  }
  // RFC 8259 section 8.1 allows to ignore it and to refuse it.
  if (text.starts_with("\xef\xbb\xbf")) {
    return absl::InvalidArgumentError("JSON: starts with a byte order mark");
  }
  try {
    return ReadJson(text, limits.max_depth, with_bytes);
  } catch (const std::exception&) {
    return absl::InvalidArgumentError("JSON: not a document");
  }
}

}  // namespace

absl::StatusOr<Json> ParseJson(std::string_view text, const JsonLimits& limits) {
  return Parse(text, limits, false);
}

absl::StatusOr<Json> ParseJsonWithBytes(std::string_view text, const JsonLimits& limits) {
  return Parse(text, limits, true);
}

absl::StatusOr<std::string> DumpJson(const Json& value, int indent) {
  try {
    std::string out;
    if (indent < 0 && AppendJson(&out, value)) return out;
    return value.dump(indent, ' ', false, Json::error_handler_t::strict);
  } catch (const std::exception&) {
    return absl::InvalidArgumentError("JSON: a string is not valid UTF-8");
  }
}

absl::StatusOr<const Json*> JsonMember(const Json& object, std::string_view key,
                                       std::string_view where) {
  if (!object.is_object()) {
    return absl::InvalidArgumentError(
        StrCat(where, ": must be an object, is ", std::string_view(object.type_name())));
  }
  auto found = object.find(key);
  if (found == object.end()) {
    return absl::InvalidArgumentError(StrCat(where, ": member '", key, "' is missing"));
  }
  return &*found;
}

absl::StatusOr<std::string> JsonString(const Json& object, std::string_view key,
                                       std::string_view where) {
  ASSIGN_OR_RETURN(const Json* value, JsonMember(object, key, where));
  if (!value->is_string()) return WrongType(where, key, "a string", *value);
  return value->get_ref<const std::string&>();
}

absl::StatusOr<uint64_t> JsonUint(const Json& object, std::string_view key,
                                  std::string_view where) {
  ASSIGN_OR_RETURN(const Json* value, JsonMember(object, key, where));
  // A value built in code from an int is "integer", one read from text "unsigned".
  if (value->is_number_unsigned()) return value->get<uint64_t>();
  if (value->is_number_integer() && value->get<int64_t>() >= 0) return value->get<uint64_t>();
  return WrongType(where, key, "a whole number of 0 or more", *value);
}

absl::StatusOr<bool> JsonBool(const Json& object, std::string_view key, std::string_view where) {
  ASSIGN_OR_RETURN(const Json* value, JsonMember(object, key, where));
  if (!value->is_boolean()) return WrongType(where, key, "true or false", *value);
  return value->get<bool>();
}

absl::StatusOr<const Json*> JsonObject(const Json& object, std::string_view key,
                                       std::string_view where) {
  ASSIGN_OR_RETURN(const Json* value, JsonMember(object, key, where));
  if (!value->is_object()) return WrongType(where, key, "an object", *value);
  return value;
}

absl::StatusOr<const Json*> JsonArray(const Json& object, std::string_view key,
                                      std::string_view where) {
  ASSIGN_OR_RETURN(const Json* value, JsonMember(object, key, where));
  if (!value->is_array()) return WrongType(where, key, "an array", *value);
  return value;
}

absl::Status JsonOnlyMembers(const Json& object, std::initializer_list<std::string_view> known,
                             std::string_view where) {
  if (!object.is_object()) {
    return absl::InvalidArgumentError(
        StrCat(where, ": must be an object, is ", std::string_view(object.type_name())));
  }
  for (const auto& item : object.items()) {
    if (std::find(known.begin(), known.end(), item.key()) == known.end()) {
      return absl::InvalidArgumentError(StrCat(where, ": unknown member '", item.key(), "'"));
    }
  }
  return absl::OkStatus();
}

}  // namespace nacre
