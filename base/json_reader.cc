// RapidJSON's SAX reader, straight into the tree. What version 1.1 of it lets pass and RFC 8259
// does not is refused here: text behind a NUL, escapes of half a surrogate pair. What it reads
// wrongly is read again: a floating-point number may be off by a unit in the last place. Of two
// equal keys the second is refused too: two readers of one document could otherwise see two
// different documents. The tests compare the tree with the one nlohmann's parser makes.
//
// Evidence of SEV-SNP is some six thousand numbers of one byte each. A call for each of them costs
// six times as much as reading the list in one loop, so that is done here.
#include "base/json_reader.h"

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "base/strings.h"
#include "base/utf8.h"

namespace nacre {
namespace {

bool IsOfNumber(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

const char* PastSpace(const char* at, const char* end) {
  while (at != end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) ++at;
  return at;
}

// What the reader calls; false ends the reading, with fault() or error() saying why.
class TreeBuilder {
 public:
  // `stream` is the one the reader is in.
  TreeBuilder(rapidjson::MemoryStream& stream, int max_depth, bool with_bytes, Json* root)
      : stream_(stream),
        max_depth_(static_cast<size_t>(max_depth)),
        with_bytes_(with_bytes),
        root_(root) {}

  bool Null() { return Put(nullptr); }
  bool Bool(bool value) { return Put(value); }
  bool Int(int value) { return Put(int64_t{value}); }
  bool Int64(int64_t value) { return Put(value); }
  bool Uint(unsigned value) { return Put(uint64_t{value}); }
  bool Uint64(uint64_t value) { return Put(value); }
  // What RapidJSON 1.1 makes of it may be off by a unit in the last place: the text is read again.
  bool Double(double) {
    const char* end = stream_.src_;
    const char* start = end;
    while (start != stream_.begin_ && IsOfNumber(start[-1])) --start;
    const double value = std::strtod(std::string(start, end).c_str(), nullptr);
    if (std::isfinite(value)) return Put(value);
    fault_ = "number out of range";
    return false;
  }
  bool RawNumber(const char*, unsigned, bool) { return false; }  // not asked for
  bool String(const char* text, unsigned size, bool) {
    return CheckUtf8({text, size}) && Put(std::string(text, size));
  }

  bool StartObject() { return Open(Json::object()); }
  bool Key(const char* text, unsigned size, bool) {
    if (!CheckUtf8({text, size})) return false;
    auto& members = open_.back()->get_ref<Json::object_t&>();
    const auto [member, fresh] = members.try_emplace(std::string(text, size));
    if (!fresh) return Fail(StrCat("duplicate key '", member->first, "'"));
    member_ = &member->second;
    return true;
  }
  bool EndObject(unsigned) { return Close(); }
  bool StartArray() {
    if (!Open(Json::array())) return false;
    if (with_bytes_) ByteList(open_.back());
    return true;
  }
  bool EndArray(unsigned) { return Close(); }

  const std::string& error() const { return error_; }  // with no place in the text
  std::string_view fault() const { return fault_; }    // at the place where the reader stopped

 private:
  bool Fail(std::string error) {
    error_ = std::move(error);
    return false;
  }
  bool CheckUtf8(std::string_view text) {
    if (IsUtf8(text)) return true;
    fault_ = "lone surrogate escape";  // the reader has looked at all that is not escaped
    return false;
  }

  // Reads such a list itself and leaves the reader at its end, which for the reader is then an
  // empty list; any other list it leaves alone. The bracket that ends the list ends every loop.
  void ByteList(Json* list) {
    const char* at = stream_.src_;
    const auto left = static_cast<size_t>(stream_.end_ - at);
    const auto* end = left == 0 ? nullptr : static_cast<const char*>(std::memchr(at, ']', left));
    if (end == nullptr || static_cast<size_t>(end - at) < 2 * kMinByteList - 1) return;
    std::vector<uint8_t> bytes((static_cast<size_t>(end - at) + 1) / 2);
    uint8_t* to = bytes.data();
    const auto digit = [](char c) { return static_cast<unsigned>(c - '0'); };
    for (;; ++at) {
      if (*at <= ' ') at = PastSpace(at, end);
      unsigned number = digit(*at);
      if (number > 9) return;
      ++at;
      if (digit(*at) <= 9) {
        if (number == 0) return;
        number = number * 10 + digit(*at++);
        if (digit(*at) <= 9) number = number * 10 + digit(*at++);
      }
      if (number > 0xff) return;
      *to++ = static_cast<uint8_t>(number);
      if (*at <= ' ') at = PastSpace(at, end);
      if (*at != ',') break;
    }
    bytes.resize(static_cast<size_t>(to - bytes.data()));
    if (at != end || bytes.size() < kMinByteList) return;
    *list = Json::binary(std::move(bytes));
    stream_.src_ = end;
  }

  // Where the next value goes.
  Json* Place() {
    if (open_.empty()) return root_;
    Json* const in = open_.back();
    return in->is_object() ? member_ : &in->get_ref<Json::array_t&>().emplace_back();
  }

  template <typename T>
  bool Put(T value) {
    *Place() = std::move(value);
    return true;
  }
  bool Open(Json empty) {
    if (open_.size() >= max_depth_) return Fail(StrCat("nested deeper than ", max_depth_));
    open_.push_back(Place());
    *open_.back() = std::move(empty);
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  rapidjson::MemoryStream& stream_;
  const size_t max_depth_;
  const bool with_bytes_;
  Json* const root_;
  std::vector<Json*> open_;
  Json* member_ = nullptr;  // of the innermost object: the one whose key was read last
  std::string error_;
  std::string_view fault_;
};

std::string_view FaultOf(rapidjson::ParseErrorCode code, std::string_view rest) {
  if (rest.empty()) return "unexpected end";
  switch (code) {
    case rapidjson::kParseErrorNumberTooBig:
      return "number out of range";
    case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
      return "lone surrogate escape";
    case rapidjson::kParseErrorStringInvalidEncoding:
      return static_cast<uint8_t>(rest[0]) < 0x80 ? "syntax error" : "invalid UTF-8";
    default:
      return "syntax error";
  }
}

// The text itself may be a secret: only the place and the kind of fault are told.
absl::Status FaultAt(std::string_view text, size_t offset, std::string_view fault) {
  const std::string_view before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t start = before.rfind('\n');
  const size_t column = before.size() - (start == before.npos ? 0 : start + 1) + 1;
  return absl::InvalidArgumentError(
      StrCat("JSON: ", fault, " at line ", line, ", column ", column));
}

}  // namespace

absl::StatusOr<Json> ReadJson(std::string_view text, int max_depth, bool with_bytes) {
  Json root;
  rapidjson::MemoryStream stream(text.data(), text.size());
  TreeBuilder builder(stream, max_depth, with_bytes, &root);
  rapidjson::Reader reader;
  const auto result = reader.Parse<rapidjson::kParseValidateEncodingFlag>(stream, builder);
  if (!builder.error().empty())
    return absl::InvalidArgumentError(StrCat("JSON: ", builder.error()));
  if (result.IsError()) {
    const std::string_view fault = builder.fault();
    const std::string_view rest = text.substr(result.Offset());
    return FaultAt(text, result.Offset(), fault.empty() ? FaultOf(result.Code(), rest) : fault);
  }
  // To the reader a NUL is the end of the text.
  if (stream.Tell() != text.size()) return FaultAt(text, stream.Tell(), "syntax error");
  return root;
}

Json ListBytes(Json value) {
  if (value.is_binary()) {
    const auto& bytes = value.get_binary();
    return Json(Json::array_t(bytes.begin(), bytes.end()));
  }
  if (value.is_structured()) {
    for (Json& member : value) member = ListBytes(std::move(member));
  }
  return value;
}

}  // namespace nacre
