// Evidence of SEV-SNP is some six thousand numbers of one byte each, and reading it with the
// library's parser, which calls back for every one of them, cost a broker as much as verifying the
// signature in it. This one reads straight into the tree. It is as strict as RFC 8259 and the
// library together, and gives the same tree, which the tests compare; of two equal keys it refuses
// the second: two readers of one document could otherwise see two different documents.
#include "base/json_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "base/strings.h"
#include "base/utf8.h"

namespace nacre {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// What stands in a string as it is: ASCII without controls, quote and backslash.
bool IsPlain(char c) { return static_cast<signed char>(c) >= 0x20 && c != '"' && c != '\\'; }

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void AppendUtf8(std::string* out, uint32_t point) {
  const auto put = [&](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xc0 | point >> 6);
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3f));
  } else {
    put(0xf0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3f));
    put(0x80 | (point >> 6 & 0x3f));
  }
  put(0x80 | (point & 0x3f));
}

// Each method reads one thing at at_ and leaves at_ behind it; false with error_ set.
class Reader {
 public:
  Reader(std::string_view text, int max_depth, bool with_bytes)
      : text_(text), max_depth_(max_depth), with_bytes_(with_bytes) {}

  absl::StatusOr<Json> Read() {
    Json root;
    SkipSpace();
    if (!Value(&root, 0)) return error_;
    SkipSpace();
    if (at_ != text_.size()) {
      Fault("syntax error");
      return error_;
    }
    return root;
  }

 private:
  bool Fail(std::string_view message) {
    error_ = absl::InvalidArgumentError(StrCat("JSON: ", message));
    return false;
  }
  // The text itself may be a secret: only the place and the kind of fault are told.
  bool Fault(std::string_view fault) {
    const std::string_view before = text_.substr(0, at_);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const size_t start = before.rfind('\n');
    const size_t column = before.size() - (start == before.npos ? 0 : start + 1) + 1;
    const std::string_view what = at_ >= text_.size() ? "unexpected end" : fault;
    return Fail(StrCat(what, " at line ", line, ", column ", column));
  }

  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char c) {
    if (Peek() != c) return false;
    ++at_;
    return true;
  }
  // Past white space.
  static const char* Past(const char* at, const char* end) {
    while (at != end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) ++at;
    return at;
  }
  void SkipSpace() {
    const char* const data = text_.data();
    at_ = static_cast<size_t>(Past(data + at_, data + text_.size()) - data);
  }

  bool Value(Json* out, int depth) {
    switch (Peek()) {
      case '{':
        return Object(out, depth);
      case '[':
        return Array(out, depth);
      case '"':
        *out = std::string();
        return String(&out->get_ref<std::string&>());
      case 't':
        return Word("true", true, out);
      case 'f':
        return Word("false", false, out);
      case 'n':
        return Word("null", nullptr, out);
      default:
        return Number(out);
    }
  }

  template <typename T>
  bool Word(std::string_view word, T value, Json* out) {
    for (const char c : word) {
      if (!Take(c)) return Fault("syntax error");
    }
    *out = value;
    return true;
  }

  bool TooDeep(int depth) const { return depth >= max_depth_; }

  bool Object(Json* out, int depth) {
    if (TooDeep(depth)) return Fail(StrCat("nested deeper than ", max_depth_));
    ++at_;
    *out = Json::object();
    auto& members = out->get_ref<Json::object_t&>();
    SkipSpace();
    if (Take('}')) return true;
    for (;;) {
      if (Peek() != '"') return Fault("syntax error");
      std::string key;
      if (!String(&key)) return false;
      const auto [member, fresh] = members.try_emplace(std::move(key));
      if (!fresh) return Fail(StrCat("duplicate key '", member->first, "'"));
      SkipSpace();
      if (!Take(':')) return Fault("syntax error");
      SkipSpace();
      if (!Value(&member->second, depth + 1)) return false;
      SkipSpace();
      if (Take('}')) return true;
      if (!Take(',')) return Fault("syntax error");
      SkipSpace();
    }
  }

  bool Array(Json* out, int depth) {
    if (TooDeep(depth)) return Fail(StrCat("nested deeper than ", max_depth_));
    ++at_;
    if (with_bytes_ && ByteList(out)) return true;
    *out = Json::array();
    auto& elements = out->get_ref<Json::array_t&>();
    SkipSpace();
    if (Take(']')) return true;
    for (;;) {
      if (!Value(&elements.emplace_back(), depth + 1)) return false;
      SkipSpace();
      if (Take(']')) return true;
      if (!Take(',')) return Fault("syntax error");
      SkipSpace();
    }
  }

  // False, without an error and with at_ as it was, for any other list. The bracket that ends the
  // list ends every loop.
  bool ByteList(Json* out) {
    const char* at = text_.data() + at_;
    const size_t left = text_.size() - at_;
    const auto* end = left == 0 ? nullptr : static_cast<const char*>(std::memchr(at, ']', left));
    if (end == nullptr || static_cast<size_t>(end - at) < 2 * kMinByteList - 1) return false;
    std::vector<uint8_t> bytes((static_cast<size_t>(end - at) + 1) / 2);
    uint8_t* to = bytes.data();
    const auto digit = [](char c) { return static_cast<unsigned>(c - '0'); };
    for (;; ++at) {
      if (*at <= ' ') at = Past(at, end);
      unsigned number = digit(*at);
      if (number > 9) return false;
      ++at;
      if (digit(*at) <= 9) {
        if (number == 0) return false;
        number = number * 10 + digit(*at++);
        if (digit(*at) <= 9) number = number * 10 + digit(*at++);
      }
      if (number > 0xff) return false;
      *to++ = static_cast<uint8_t>(number);
      if (*at <= ' ') at = Past(at, end);
      if (*at != ',') break;
    }
    bytes.resize(static_cast<size_t>(to - bytes.data()));
    if (at != end || bytes.size() < kMinByteList) return false;
    *out = Json::binary(std::move(bytes));
    at_ = static_cast<size_t>(end + 1 - text_.data());
    return true;
  }

  void SkipDigits() {
    while (IsDigit(Peek())) ++at_;
  }

  bool Number(Json* out) {
    const size_t start = at_;
    const bool negative = Take('-');
    if (!IsDigit(Peek())) return Fault("syntax error");
    if (!Take('0')) SkipDigits();
    bool whole = true;
    if (Take('.')) {
      whole = false;
      if (!IsDigit(Peek())) return Fault("syntax error");
      SkipDigits();
    }
    if (Peek() == 'e' || Peek() == 'E') {
      whole = false;
      ++at_;
      if (!Take('+')) Take('-');
      if (!IsDigit(Peek())) return Fault("syntax error");
      SkipDigits();
    }
    const std::string_view text = text_.substr(start, at_ - start);
    if (whole && (negative ? Integer<int64_t>(text, out) : Integer<uint64_t>(text, out))) {
      return true;
    }
    const double number = std::strtod(std::string(text).c_str(), nullptr);
    if (!std::isfinite(number)) return Fault("number out of range");
    *out = number;
    return true;
  }

  // False when it does not fit; then it is read as a floating-point number.
  template <typename T>
  static bool Integer(std::string_view text, Json* out) {
    T number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return false;
    *out = number;
    return true;
  }

  bool String(std::string* out) {
    ++at_;
    for (;;) {
      size_t end = at_;
      while (end < text_.size() && IsPlain(text_[end])) ++end;
      out->append(text_, at_, end - at_);
      at_ = end;
      const char c = Peek();
      if (Take('"')) return true;
      if (c == '\\') {
        if (!Escape(out)) return false;
      } else if (static_cast<uint8_t>(c) >= 0x80) {
        const size_t size = Utf8Size(text_.substr(at_));
        if (size == 0) return Fault("invalid UTF-8");
        out->append(text_, at_, size);
        at_ += size;
      } else {
        return Fault("syntax error");
      }
    }
  }

  bool Escape(std::string* out) {
    ++at_;
    const char c = Peek();
    if (c == 'u') return EscapedPoint(out);
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
    const size_t which = kLetters.find(c);
    if (which == std::string_view::npos) return Fault("syntax error");
    out->push_back(kMeant[which]);
    ++at_;
    return true;
  }

  bool EscapedPoint(std::string* out) {
    uint32_t point = 0;
    if (!HexUnit(&point)) return false;
    if (point >= 0xdc00 && point <= 0xdfff) return Fault("lone surrogate escape");
    if (point >= 0xd800 && point <= 0xdbff) {
      uint32_t low = 0;
      if (!Take('\\') || Peek() != 'u') return Fault("lone surrogate escape");
      if (!HexUnit(&low)) return false;
      if (low < 0xdc00 || low > 0xdfff) return Fault("lone surrogate escape");
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    AppendUtf8(out, point);
    return true;
  }

  // "u" and four hexadecimal digits.
  bool HexUnit(uint32_t* unit) {
    ++at_;
    for (int i = 0; i < 4; ++i) {
      const int digit = HexDigit(Peek());
      if (digit < 0) return Fault("syntax error");
      *unit = *unit << 4 | static_cast<uint32_t>(digit);
      ++at_;
    }
    return true;
  }

  const std::string_view text_;
  const int max_depth_;
  const bool with_bytes_;
  size_t at_ = 0;
  absl::Status error_;
};

}  // namespace

absl::StatusOr<Json> ReadJson(std::string_view text, int max_depth, bool with_bytes) {
  return Reader(text, max_depth, with_bytes).Read();
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
