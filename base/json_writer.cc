// The library's own serialiser looks at every byte through several layers; a broker that answers
// an attestation writes some ten kilobytes. What is written here is the same, byte for byte.
#include "base/json_writer.h"

#include <charconv>

#include "base/utf8.h"

namespace nacre {
namespace {

// Stands in a string as it is: all but controls, quote and backslash, in ASCII.
bool IsPlain(char c) { return static_cast<signed char>(c) >= 0x20 && c != '"' && c != '\\'; }

void AppendEscape(std::string* out, char c) {
  constexpr std::string_view kMeant = "\"\\\b\f\n\r\t";
  constexpr std::string_view kLetters = "\"\\bfnrt";
  const size_t which = kMeant.find(c);
  if (which != std::string_view::npos) {
    out->push_back('\\');
    out->push_back(kLetters[which]);
    return;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  out->append("\\u00");
  out->push_back(kHex[static_cast<uint8_t>(c) >> 4]);
  out->push_back(kHex[static_cast<uint8_t>(c) & 15]);
}

template <typename T>
void AppendNumber(std::string* out, T number) {
  char text[24];
  const auto result = std::to_chars(text, text + sizeof text, number);
  out->append(text, result.ptr);
}

bool AppendObject(std::string* out, const Json& value) {
  char separator = '{';
  for (const auto& [name, member] : value.get_ref<const Json::object_t&>()) {
    out->push_back(separator);
    separator = ',';
    if (!AppendJsonText(out, name)) return false;
    out->push_back(':');
    if (!AppendJson(out, member)) return false;
  }
  out->append(value.empty() ? "{}" : "}");
  return true;
}

bool AppendArray(std::string* out, const Json& value) {
  char separator = '[';
  for (const Json& element : value.get_ref<const Json::array_t&>()) {
    out->push_back(separator);
    separator = ',';
    if (!AppendJson(out, element)) return false;
  }
  out->append(value.empty() ? "[]" : "]");
  return true;
}

}  // namespace

bool AppendJsonText(std::string* out, std::string_view text) {
  out->push_back('"');
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && IsPlain(text[plain])) ++plain;
    out->append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const size_t size = DecodeUtf8(text).size;
    if (size == 0) return false;
    if (size > 1) {
      out->append(text.substr(0, size));
    } else {
      AppendEscape(out, text[0]);
    }
    text.remove_prefix(size);
  }
  out->push_back('"');
  return true;
}

bool AppendJson(std::string* out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::object:
      return AppendObject(out, value);
    case Json::value_t::array:
      return AppendArray(out, value);
    case Json::value_t::string:
      return AppendJsonText(out, value.get_ref<const std::string&>());
    case Json::value_t::boolean:
      out->append(value.get<bool>() ? "true" : "false");
      return true;
    case Json::value_t::number_integer:
      AppendNumber(out, value.get<int64_t>());
      return true;
    case Json::value_t::number_unsigned:
      AppendNumber(out, value.get<uint64_t>());
      return true;
    default:  // null; numbers with a fraction, which are an art of their own; bytes
      out->append(value.dump());
      return true;
  }
}

void JsonWriter::Separate() {
  if (follows_) out_.push_back(',');
  follows_ = true;
}

JsonWriter& JsonWriter::Begin(char bracket) {
  Separate();
  out_.push_back(bracket);
  follows_ = false;
  return *this;
}

JsonWriter& JsonWriter::End(char bracket) {
  out_.push_back(bracket);
  follows_ = true;
  return *this;
}

JsonWriter& JsonWriter::Key(std::string_view name) {
  Text(name);
  out_.push_back(':');
  follows_ = false;
  return *this;
}

JsonWriter& JsonWriter::Text(std::string_view text) {
  Separate();
  valid_ = AppendJsonText(&out_, text) && valid_;
  return *this;
}

JsonWriter& JsonWriter::Number(int64_t number) {
  Separate();
  AppendNumber(&out_, number);
  return *this;
}

JsonWriter& JsonWriter::Bool(bool value) {
  Separate();
  out_.append(value ? "true" : "false");
  return *this;
}

JsonWriter& JsonWriter::Tree(const Json& value) {
  Separate();
  valid_ = AppendJson(&out_, value) && valid_;
  return *this;
}

absl::StatusOr<std::string> JsonWriter::Finish() && {
  if (!valid_) return absl::InvalidArgumentError("JSON: a string is not valid UTF-8");
  return std::move(out_);
}

}  // namespace nacre
