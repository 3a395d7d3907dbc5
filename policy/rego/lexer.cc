#include "policy/rego/lexer.h"

#include <algorithm>
#include <charconv>

#include "base/strings.h"
#include "base/utf8.h"

namespace nacre::rego {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Longest first.
constexpr std::string_view kPunctuation[] = {":=", "==", "!=", "<=", ">=", "(", ")", "{", "}",
                                             "[",  "]",  ",",  ";",  ":",  "=", "<", ">", "+",
                                             "-",  "*",  "/",  "%",  "|",  "&", "."};

}  // namespace

bool UnescapeString(std::string_view text, bool in_template, std::string* out) {
  auto unit = [&](size_t at, uint32_t* value) {
    if (at + 4 > text.size()) return false;
    auto [end, error] = std::from_chars(text.data() + at, text.data() + at + 4, *value, 16);
    return error == std::errc() && end == text.data() + at + 4;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out->push_back(text[i]);
      continue;
    }
    if (++i == text.size()) return false;
    static constexpr std::string_view kEscapes = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    size_t which = kEscapes.find(text[i]);
    uint32_t value = 0, low = 0;
    if (which != std::string_view::npos) {
      out->push_back(kMeanings[which]);
    } else if (in_template && (text[i] == '{' || text[i] == '}')) {
      out->push_back(text[i]);
    } else if (text[i] == 'u' && unit(i + 1, &value)) {
      i += 4;
      if (value >= 0xd800 && value < 0xdc00 && text.substr(i + 1, 2) == "\\u" &&
          unit(i + 3, &low) && low >= 0xdc00 && low < 0xe000) {
        value = 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00);
        i += 6;
      }
      AppendUtf8(out, value);
    } else {
      return false;
    }
  }
  return true;
}

Location Lexer::Here() const {
  return {line_, static_cast<uint32_t>(at_ - line_start_ + 1), static_cast<uint32_t>(at_), 0,
          module_};
}

void Lexer::SkipSpace(Lexeme* next) {
  while (at_ < text_.size()) {
    char c = text_[at_];
    if (c == '\n') {
      next->newline_before = true;
      ++line_;
      line_start_ = at_ + 1;
    } else if (c == '#') {
      Location location = Here();
      size_t end = std::min(text_.find('\n', at_), text_.size());
      std::string_view comment = text_.substr(at_ + 1, end - at_ - 1);
      if (comment.ends_with('\r')) comment.remove_suffix(1);
      bool seen = comments_ == nullptr ||
                  (!comments_->empty() && comments_->back().location.offset >= location.offset);
      if (!seen) comments_->push_back({location, comment});
      at_ = end;
      next->space_before = true;
      continue;
    } else if (c != ' ' && c != '\t' && c != '\r') {
      return;
    }
    next->space_before = true;
    ++at_;
  }
}

bool Lexer::FailAt(Location location, std::string message) {
  if (error_.empty()) {
    error_ = std::move(message);
    error_location_ = location;
  }
  at_ = text_.size();
  return false;
}

Lexeme Lexer::Fail(Lexeme lexeme, std::string message) {
  FailAt(lexeme.location, std::move(message));
  lexeme.token = Token::kError;
  return lexeme;
}

void Lexer::Take(Lexeme* lexeme, size_t size) {
  lexeme->text = text_.substr(at_, size);
  lexeme->location.length = static_cast<uint32_t>(size);
  at_ += size;
}

Lexeme Lexer::Number(Lexeme lexeme) {
  size_t end = at_;
  auto digits = [&] {
    while (end < text_.size() && IsDigit(text_[end])) ++end;
  };
  digits();
  if (end + 1 < text_.size() && text_[end] == '.' && IsDigit(text_[end + 1])) {
    ++end;
    digits();
  }
  if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
    ++end;
    if (end < text_.size() && (text_[end] == '+' || text_[end] == '-')) ++end;
    digits();
  }
  if (end < text_.size() && IsLetter(text_[end])) return Fail(lexeme, "illegal number format");
  lexeme.token = Token::kNumeral;
  Take(&lexeme, end - at_);
  return lexeme;
}

Lexeme Lexer::Quoted(Lexeme lexeme) {
  bool raw = text_[at_] == '`';
  size_t end = at_ + 1;
  uint32_t line = line_;
  size_t line_start = line_start_;
  while (end < text_.size() && text_[end] != text_[at_]) {
    if (text_[end] == '\n') {
      if (!raw) return Fail(lexeme, "non-terminated string");
      ++line;
      line_start = end + 1;
    }
    end += !raw && text_[end] == '\\' ? 2 : 1;
  }
  if (end >= text_.size()) return Fail(lexeme, "non-terminated string");
  lexeme.token = raw ? Token::kRawString : Token::kQuoted;
  Take(&lexeme, end + 1 - at_);
  line_ = line;
  line_start_ = line_start;
  return lexeme;
}

Lexeme Lexer::Next() {
  Lexeme lexeme;
  SkipSpace(&lexeme);
  lexeme.location = Here();
  if (!error_.empty()) return Fail(lexeme, "");
  if (at_ == text_.size()) return lexeme;
  char c = text_[at_];
  if (IsLetter(c)) {
    size_t end = at_ + 1;
    while (end < text_.size() && (IsLetter(text_[end]) || IsDigit(text_[end]))) ++end;
    lexeme.token = Token::kIdentifier;
    Take(&lexeme, end - at_);
    lexeme.dot_after = at_ < text_.size() && text_[at_] == '.';
    return lexeme;
  }
  if (IsDigit(c)) return Number(lexeme);
  if (c == '"' || c == '`') return Quoted(lexeme);
  if (c == '$' && at_ + 1 < text_.size() && (text_[at_ + 1] == '"' || text_[at_ + 1] == '`')) {
    lexeme.token = text_[at_ + 1] == '"' ? Token::kTemplate : Token::kRawTemplate;
    Take(&lexeme, 2);
    return lexeme;
  }
  for (std::string_view punctuation : kPunctuation) {
    if (text_.substr(at_, punctuation.size()) == punctuation) {
      lexeme.token = Token::kPunctuation;
      Take(&lexeme, punctuation.size());
      return lexeme;
    }
  }
  return Fail(lexeme, "illegal token");
}

void Lexer::Rewind(const Lexeme& lexeme) {
  if (!error_.empty() && error_location_.offset > lexeme.location.offset) error_.clear();
  at_ = lexeme.end();
  line_ = lexeme.location.line;
  line_start_ = lexeme.location.offset - (lexeme.location.column - 1);
}

bool Lexer::TemplateText(bool raw, std::string* out, bool* expression) {
  Location begin = Here();
  size_t start = at_;
  while (at_ < text_.size()) {
    char c = text_[at_];
    if (c == (raw ? '`' : '"') || c == '{') {
      std::string_view part = text_.substr(start, at_ - start);
      *expression = c == '{';
      ++at_;
      if (raw) {
        // In raw text only \{ means something else than it says.
        for (size_t i = 0; i < part.size(); ++i) {
          if (part[i] == '\\' && i + 1 < part.size() && part[i + 1] == '{') continue;
          out->push_back(part[i]);
        }
        return true;
      }
      if (!UnescapeString(part, true, out)) return FailAt(begin, "illegal escape in string");
      return true;
    }
    if (c == '\n') {
      if (!raw) return FailAt(begin, "non-terminated string");
      ++line_;
      line_start_ = at_ + 1;
    }
    at_ += c == '\\' && at_ + 1 < text_.size() && (!raw || text_[at_ + 1] == '{') ? 2 : 1;
  }
  return FailAt(begin, "non-terminated string");
}

}  // namespace nacre::rego
