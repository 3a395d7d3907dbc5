// Parsing goes through the library's SAX interface into a builder of our own, because the library's
// DOM parser keeps the last of two equal keys: two readers of one document could then see two
// different documents. The builder refuses the second key, and depth past the limit, at the point
// where it appears.
#include "base/json.h"

#include <algorithm>

#include "base/strings.h"

namespace nacre {
namespace {

class StrictBuilder : public nlohmann::json_sax<Json> {
 public:
  StrictBuilder(std::string_view text, int max_depth) : text_(text), max_depth_(max_depth) {}

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(number_integer_t value) override { return Add(value); }
  bool number_unsigned(number_unsigned_t value) override { return Add(value); }
  bool number_float(number_float_t value, const string_t&) override { return Add(value); }
  bool string(string_t& value) override { return Add(std::move(value)); }
  bool binary(binary_t&) override { return Fail("binary value"); }
  bool start_object(size_t) override { return Open(Json::object()); }
  bool end_object() override { return Close(); }
  bool start_array(size_t) override { return Open(Json::array()); }
  bool end_array() override { return Close(); }

  bool key(string_t& name) override {
    Json& object = *open_.back();
    if (object.contains(name)) return Fail(StrCat("duplicate key '", name, "'"));
    slot_ = &object[name];
    return true;
  }

  // The library's own message quotes what it last read, which may be a secret: only the place and
  // the kind of fault are passed on.
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    std::string_view what = error.what();
    std::string_view fault = "syntax error";
    if (what.find("UTF-8") != what.npos) fault = "invalid UTF-8";
    if (what.find("number overflow") != what.npos) fault = "number out of range";
    if (what.find("surrogate") != what.npos) fault = "lone surrogate escape";
    if (what.find("unexpected end of input") != what.npos) fault = "unexpected end";
    error_ = absl::InvalidArgumentError(StrCat("JSON: ", fault, " at ", Position(position)));
    return false;
  }

  absl::StatusOr<Json> Finish(bool parsed) {
    if (!error_.ok()) return error_;
    if (!parsed) return absl::InvalidArgumentError("JSON: not a document");
    return std::move(root_);
  }

 private:
  std::string Position(size_t position) const {
    std::string_view before = text_.substr(0, position > 0 ? position - 1 : 0);
    size_t line = static_cast<size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
    size_t start = before.rfind('\n');
    size_t column = before.size() - (start == std::string_view::npos ? 0 : start + 1) + 1;
    return StrCat("line ", line, ", column ", column);
  }

  bool Fail(std::string_view message) {
    error_ = absl::InvalidArgumentError(StrCat("JSON: ", message));
    return false;
  }

  Json* Place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      open_.back()->push_back(std::move(value));
      return &open_.back()->back();
    }
    *slot_ = std::move(value);
    return slot_;
  }

  bool Add(Json value) {
    Place(std::move(value));
    return true;
  }

  bool Open(Json container) {
    if (static_cast<int>(open_.size()) >= max_depth_) {
      return Fail(StrCat("nested deeper than ", max_depth_));
    }
    open_.push_back(Place(std::move(container)));
    return true;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  int max_depth_;
  Json root_;
  std::vector<Json*> open_;  // the containers around the next value; stable while they are open
  Json* slot_ = nullptr;     // where the value of the last key goes
  absl::Status error_;
};

absl::Status WrongType(std::string_view where, std::string_view key, std::string_view expected,
                       const Json& value) {
  return absl::InvalidArgumentError(StrCat(where, ": member '", key, "' must be ", expected,
                                           ", is ", std::string_view(value.type_name())));
}

}  // namespace

absl::StatusOr<Json> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_size) {
    return absl::InvalidArgumentError(
        StrCat("JSON: ", text.size(), " bytes, the limit is ", limits.max_size));
  }
  // The library takes a zero byte for the end of the text and would ignore what follows.
  if (text.find('\0') != text.npos) {
    return absl::InvalidArgumentError("JSON: holds a zero byte");
  }
  // It would skip a byte order mark; RFC 8259 section 8.1 allows refusing it.
  if (text.starts_with("\xef\xbb\xbf")) {
    return absl::InvalidArgumentError("JSON: starts with a byte order mark");
  }
  try {
    StrictBuilder builder(text, limits.max_depth);
    bool parsed = Json::sax_parse(text, &builder);
    return builder.Finish(parsed);
  } catch (const std::exception&) {
    return absl::InvalidArgumentError("JSON: not a document");
  }
}

absl::StatusOr<std::string> DumpJson(const Json& value, int indent) {
  try {
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
