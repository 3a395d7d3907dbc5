#include "base/toml.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>

#include "base/strings.h"

// toml++ asserts what it expects of its own parser, and hostile text breaks some of it. With NDEBUG
// those become promises to the optimizer, without it an abort; here they throw.
#undef NDEBUG
[[noreturn]] static void ParserLostItsWay(const char* expected) {
  throw std::logic_error(expected);
}
#define TOML_ASSERT(expr) ((expr) ? static_cast<void>(0) : ParserLostItsWay(#expr))
#include "toml++/toml.h"

namespace nacre {
namespace {

// The library bounds how deep values nest but not how long a dotted key is, and takes the tables it
// makes of one apart by recursion.
constexpr int kMaxKeySegments = 256;

// Where the string that begins at `at` ends; the text's size when it does not.
size_t EndOfString(std::string_view text, size_t at) {
  const char quote = text[at];
  const std::string triple(3, quote);
  const bool long_form = text.substr(at, 3) == triple;
  for (size_t i = at + (long_form ? 3 : 1); i < text.size(); ++i) {
    if (text[i] == '\\' && quote == '"') {
      ++i;
    } else if (!long_form && (text[i] == quote || text[i] == '\n')) {
      return i + 1;
    } else if (long_form && text.substr(i, 3) == triple) {
      // Up to two quotes right before the closing three belong to the string.
      size_t end = i + 3;
      while (end < text.size() && end < i + 5 && text[end] == quote) ++end;
      return end;
    }
  }
  return text.size();
}

// Counts, outside strings and comments, dots that nothing but names and spaces stand between.
bool KeysAreShort(std::string_view text) {
  int dots = 0;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      i = EndOfString(text, i);
      continue;
    }
    if (c == '#') i = std::min(text.find('\n', i), text.size() - 1);
    if (std::string_view("=,\n[]{}#").find(c) != std::string_view::npos) dots = 0;
    if (c == '.' && ++dots >= kMaxKeySegments) return false;
    ++i;
  }
  return true;
}

absl::StatusOr<Json> ToJson(const toml::node& node, int depth);

absl::Status At(const toml::node& node, std::string_view message) {
  return absl::InvalidArgumentError(StrCat("TOML: ", message, " at line ", node.source().begin.line,
                                           ", column ", node.source().begin.column));
}

absl::StatusOr<Json> TableToJson(const toml::table& table, int depth) {
  Json out = Json::object();
  for (auto&& [key, value] : table) {
    ASSIGN_OR_RETURN(out[std::string(key.str())], ToJson(value, depth - 1));
  }
  return out;
}

absl::StatusOr<Json> ArrayToJson(const toml::array& array, int depth) {
  Json out = Json::array();
  for (auto&& value : array) {
    ASSIGN_OR_RETURN(Json item, ToJson(value, depth - 1));
    out.push_back(std::move(item));
  }
  return out;
}

template <typename T>
Json TextOf(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

absl::StatusOr<Json> ToJson(const toml::node& node, int depth) {
  bool container = node.is_table() || node.is_array();
  if (container && depth <= 0) return At(node, "nested too deep");
  if (const toml::table* table = node.as_table()) return TableToJson(*table, depth);
  if (const toml::array* array = node.as_array()) return ArrayToJson(*array, depth);
  if (auto text = node.as_string()) return Json(text->get());
  if (auto flag = node.as_boolean()) return Json(flag->get());
  if (auto number = node.as_integer()) {
    // As JSON text would be read: unsigned unless negative.
    int64_t value = number->get();
    return value < 0 ? Json(value) : Json(static_cast<uint64_t>(value));
  }
  if (auto number = node.as_floating_point()) {
    if (!std::isfinite(number->get())) return At(node, "number is not finite");
    return Json(number->get());
  }
  if (auto date = node.as_date()) return TextOf(date->get());
  if (auto time = node.as_time()) return TextOf(time->get());
  if (auto moment = node.as_date_time()) return TextOf(moment->get());
  return At(node, "unknown kind of value");
}

// Levenshtein distance, one row at a time.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replace = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

absl::StatusOr<Json> ParseToml(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_size) {
    return absl::InvalidArgumentError(
        StrCat("TOML: ", text.size(), " bytes, the limit is ", limits.max_size));
  }
  if (!KeysAreShort(text)) {
    return absl::InvalidArgumentError(
        StrCat("TOML: a dotted key has more than ", kMaxKeySegments, " parts"));
  }
  try {
    toml::table table = toml::parse(text);
    return ToJson(table, limits.max_depth);
  } catch (const toml::parse_error& error) {
    return absl::InvalidArgumentError(StrCat("TOML: ", error.description(), " at line ",
                                             error.source().begin.line, ", column ",
                                             error.source().begin.column));
  } catch (const std::exception&) {
    return absl::InvalidArgumentError("TOML: not a document");
  }
}

TableReader::TableReader(const Json& table, std::string where)
    : table_(table), where_(std::move(where)) {
  if (!table.is_object()) {
    error_ = absl::InvalidArgumentError(StrCat(where_, ": must be a table"));
  }
}

const Json* TableReader::Take(std::string_view key) {
  known_.emplace(key);
  if (!table_.is_object()) return nullptr;
  auto found = table_.find(key);
  return found == table_.end() ? nullptr : &*found;
}

void TableReader::Fail(std::string_view key, std::string_view message) {
  if (!error_.ok()) return;
  error_ = absl::InvalidArgumentError(StrCat(where_, ": key '", key, "' ", message));
}

TableReader& TableReader::String(std::string_view key, std::string* out) {
  const Json* value = Take(key);
  if (value == nullptr) return *this;
  if (value->is_string()) {
    *out = value->get_ref<const std::string&>();
  } else {
    Fail(key, "must be a string");
  }
  return *this;
}

TableReader& TableReader::Bool(std::string_view key, bool* out) {
  const Json* value = Take(key);
  if (value == nullptr) return *this;
  if (value->is_boolean()) {
    *out = value->get<bool>();
  } else {
    Fail(key, "must be true or false");
  }
  return *this;
}

TableReader& TableReader::Uint(std::string_view key, uint64_t* out, uint64_t min, uint64_t max) {
  const Json* value = Take(key);
  if (value == nullptr) return *this;
  bool whole =
      value->is_number_unsigned() || (value->is_number_integer() && value->get<int64_t>() >= 0);
  if (!whole) {
    Fail(key, "must be a whole number of 0 or more");
  } else if (uint64_t number = value->get<uint64_t>(); number < min || number > max) {
    Fail(key, StrCat("must be from ", min, " to ", max, ", is ", number));
  } else {
    *out = number;
  }
  return *this;
}

TableReader& TableReader::Strings(std::string_view key, std::vector<std::string>* out) {
  const Json* value = Take(key);
  if (value == nullptr) return *this;
  std::vector<std::string> strings;
  bool good = value->is_array();
  for (size_t i = 0; good && i < value->size(); ++i) {
    good = (*value)[i].is_string();
    if (good) strings.push_back((*value)[i].get_ref<const std::string&>());
  }
  if (good) {
    *out = std::move(strings);
  } else {
    Fail(key, "must be an array of strings");
  }
  return *this;
}

TableReader& TableReader::Choice(std::string_view key, std::string* out,
                                 std::initializer_list<std::string_view> allowed) {
  const Json* value = Take(key);
  if (value == nullptr) return *this;
  if (value->is_string()) {
    const std::string& text = value->get_ref<const std::string&>();
    if (std::find(allowed.begin(), allowed.end(), text) != allowed.end()) {
      *out = text;
      return *this;
    }
  }
  Fail(key, StrCat("must be one of: ", StrJoin(allowed, ", ")));
  return *this;
}

const Json* TableReader::Table(std::string_view key) {
  const Json* value = Take(key);
  if (value == nullptr) return nullptr;
  if (value->is_object()) return value;
  Fail(key, "must be a table");
  return nullptr;
}

absl::Status TableReader::Finish() {
  RETURN_IF_ERROR(error_);
  for (const auto& item : table_.items()) {
    if (known_.contains(item.key())) continue;
    std::string nearest = NearestName(item.key(), {known_.begin(), known_.end()});
    return absl::InvalidArgumentError(
        StrCat(where_, ": unknown key '", item.key(), "'",
               nearest.empty() ? "" : StrCat(", did you mean '", nearest, "'?")));
  }
  return absl::OkStatus();
}

std::string NearestName(std::string_view name, const std::vector<std::string>& candidates) {
  // A longer name has no near neighbour among names people write, and the cost is quadratic.
  if (name.size() > 256) return "";
  std::string best;
  size_t best_distance = SIZE_MAX;
  for (const std::string& candidate : candidates) {
    size_t distance = EditDistance(name, candidate);
    if (distance < best_distance && distance * 3 <= candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace nacre
