#include "policy/rego/json.h"

#include <algorithm>

#include "base/strings.h"
#include "base/utf8.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

// Recursive descent; kMaxValueDepth bounds the recursion.
class Reader {
 public:
  Reader(Arena& arena, std::string_view text, bool borrow)
      : arena_(arena), text_(text), borrow_(borrow) {}

  absl::StatusOr<Value> Document() {
    ASSIGN_OR_RETURN(Value out, Any(0));
    SkipSpace();
    if (at_ != text_.size()) return Error("unexpected text after the document");
    if (arena_.failure() != Arena::Failure::kNone) {
      return absl::ResourceExhaustedError("JSON document does not fit in the memory budget");
    }
    return out;
  }

 private:
  absl::Status Error(std::string_view what) const {
    size_t line = 1, start = 0;
    for (size_t i = 0; i < std::min(at_, text_.size()); ++i) {
      if (text_[i] == '\n') ++line, start = i + 1;
    }
    return absl::InvalidArgumentError(
        StrCat("line ", line, ", column ", at_ - start + 1, ": ", what));
  }

  void SkipSpace() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  bool Take(char c) {
    SkipSpace();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  absl::StatusOr<Value> Any(int depth) {
    SkipSpace();
    if (at_ == text_.size()) return Error("unexpected end");
    if (depth >= kMaxValueDepth) return Error("nested too deep");
    switch (text_[at_]) {
      case '{':
        return Object(depth);
      case '[':
        return Array(depth);
      case '"':
        return String();
      case 't':
        return Word("true", Value::Bool(true));
      case 'f':
        return Word("false", Value::Bool(false));
      case 'n':
        return Word("null", Value::Null());
      default:
        return Number();
    }
  }

  absl::StatusOr<Value> Word(std::string_view word, Value value) {
    if (text_.substr(at_, word.size()) != word) return Error("unexpected character");
    at_ += word.size();
    return value;
  }

  absl::StatusOr<Value> Number() {
    size_t end = at_;
    auto part = [](char c) {
      return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
    };
    while (end < text_.size() && part(text_[end])) ++end;
    if (end == at_) return Error("unexpected character");
    auto out = NumberFromText(arena_, text_.substr(at_, end - at_));
    if (!out.ok()) return Error(Message(out.status()));
    at_ = end;
    return out;
  }

  absl::StatusOr<Value> Array(int depth) {
    ++at_;
    if (Take(']')) return Value::EmptyArray();
    ArrayBuilder out(arena_);
    do {
      ASSIGN_OR_RETURN(Value element, Any(depth + 1));
      out.Add(element);
    } while (Take(','));
    if (!Take(']')) return Error("expected ',' or ']'");
    return out.Build();
  }

  absl::StatusOr<Value> Object(int depth) {
    ++at_;
    if (Take('}')) return Value::EmptyObject();
    ObjectBuilder out(arena_);
    do {
      SkipSpace();
      if (at_ == text_.size() || text_[at_] != '"') return Error("expected a key");
      ASSIGN_OR_RETURN(Value key, String());
      if (!Take(':')) return Error("expected ':'");
      ASSIGN_OR_RETURN(Value value, Any(depth + 1));
      out.Set(key, value);
    } while (Take(','));
    if (!Take('}')) return Error("expected ',' or '}'");
    return out.Build();
  }

  absl::StatusOr<Value> String() {
    size_t begin = ++at_;
    bool escapes = false;
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (static_cast<uint8_t>(text_[at_]) < 0x20) return Error("control character in a string");
      if (text_[at_] == '\\') {
        escapes = true;
        ++at_;
      }
    }
    if (at_ >= text_.size()) return Error("unterminated string");
    std::string_view raw = text_.substr(begin, at_ - begin);
    size_t bad = FindInvalidUtf8(raw);
    if (bad != std::string_view::npos) {
      at_ = begin + bad;
      return Error("invalid UTF-8");
    }
    size_t end = ++at_;
    if (!escapes) return borrow_ ? Value::BorrowString(raw) : Value::String(arena_, raw);
    at_ = begin;
    std::string out;
    RETURN_IF_ERROR(Unescape(begin + raw.size(), &out));
    at_ = end;
    return Value::String(arena_, out);
  }

  absl::Status Unescape(size_t end, std::string* out) {
    while (at_ < end) {
      char c = text_[at_++];
      if (c != '\\') {
        out->push_back(c);
        continue;
      }
      c = text_[at_++];
      static constexpr std::string_view kEscapes = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
      size_t which = kEscapes.find(c);
      if (which != std::string_view::npos) {
        out->push_back(kMeanings[which]);
      } else if (c == 'u') {
        uint32_t unit;
        if (!HexUnit(end, &unit)) return Error("malformed \\u escape");
        uint32_t low;
        size_t after = at_;
        if (unit >= 0xd800 && unit < 0xdc00 && text_.substr(at_, 2) == "\\u" &&
            (at_ += 2, HexUnit(end, &low)) && low >= 0xdc00 && low < 0xe000) {
          unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        } else {
          at_ = after;
        }
        AppendUtf8(out, unit);
      } else {
        return Error("unknown escape");
      }
    }
    return absl::OkStatus();
  }

  bool HexUnit(size_t end, uint32_t* out) {
    if (at_ + 4 > end) return false;
    const char* begin = text_.data() + at_;
    auto [stop, error] = std::from_chars(begin, begin + 4, *out, 16);
    at_ += 4;
    return error == std::errc() && stop == begin + 4;
  }

  Arena& arena_;
  std::string_view text_;
  bool borrow_;
  size_t at_ = 0;
};

class Writer {
 public:
  Writer(std::string* out, const JsonStyle& style) : out_(out), style_(style) {}

  void Any(const Value& value, int depth) {
    switch (value.kind()) {
      case Kind::kUndefined:
      case Kind::kNull:
        out_->append("null");
        return;
      case Kind::kBool:
        out_->append(value.boolean() ? "true" : "false");
        return;
      case Kind::kNumber:
        AppendNumber(out_, value);
        return;
      case Kind::kString:
        AppendJsonString(out_, value.string(), style_.escape_html);
        return;
      case Kind::kArray:
      case Kind::kSet:
        Sequence('[', ']', value.size(), depth,
                 [&](size_t i) { Any(value.elements()[i], depth + 1); });
        return;
      case Kind::kObject:
        Sequence('{', '}', value.size(), depth, [&](size_t i) {
          const Member& member = value.members()[i];
          Key(member.key);
          out_->append(style_.indent.empty() ? ":" : ": ");
          Any(member.value, depth + 1);
        });
        return;
    }
  }

 private:
  void Key(const Value& key) {
    if (key.is_string()) {
      AppendJsonString(out_, key.string(), style_.escape_html);
    } else {
      AppendJsonString(out_, ToJson(key), style_.escape_html);
    }
  }

  void NewLine(int depth) {
    if (style_.indent.empty()) return;
    out_->push_back('\n');
    out_->append(style_.prefix);
    for (int i = 0; i < depth; ++i) out_->append(style_.indent);
  }

  template <typename Item>
  void Sequence(char open, char close, size_t count, int depth, Item item) {
    out_->push_back(open);
    for (size_t i = 0; i < count; ++i) {
      if (i > 0) out_->push_back(',');
      NewLine(depth + 1);
      item(i);
    }
    if (count > 0) NewLine(depth);
    out_->push_back(close);
  }

  std::string* out_;
  const JsonStyle& style_;
};

}  // namespace

absl::StatusOr<Value> ValueFromJson(Arena& arena, std::string_view text, bool borrow_text) {
  return Reader(arena, text, borrow_text).Document();
}

void AppendJsonString(std::string* out, std::string_view text, bool escape_html) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    auto byte = static_cast<uint8_t>(c);
    // U+2028 and U+2029, which JavaScript takes for line ends, are E2 80 A8 and A9.
    if (escape_html && byte == 0xe2 && i + 2 < text.size() && text[i + 1] == '\x80' &&
        (text[i + 2] == '\xa8' || text[i + 2] == '\xa9')) {
      out->append(text[i + 2] == '\xa8' ? "\\u2028" : "\\u2029");
      i += 2;
      continue;
    }
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (c == '\n') {
      out->append("\\n");
    } else if (c == '\r') {
      out->append("\\r");
    } else if (c == '\t') {
      out->append("\\t");
    } else if (byte < 0x20 || (escape_html && (c == '<' || c == '>' || c == '&'))) {
      out->append("\\u00");
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

void AppendJson(std::string* out, const Value& value, const JsonStyle& style) {
  Writer(out, style).Any(value, 0);
}

std::string ToJson(const Value& value, const JsonStyle& style) {
  std::string out;
  AppendJson(&out, value, style);
  return out;
}

}  // namespace nacre::rego
