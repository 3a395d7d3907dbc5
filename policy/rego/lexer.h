// Rego text to tokens. The parser pulls one token at a time; a Lexer may be copied to look ahead.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/rego/error.h"

namespace nacre::rego {

enum class Token : uint8_t {
  kEnd,
  kError,       // Lexer::error() says why
  kIdentifier,  // keywords too: whether "in" is one depends on the module
  kNumeral,
  kQuoted,       // "..."
  kRawString,    // `...`
  kTemplate,     // $" : the parser reads on with TemplateText
  kRawTemplate,  // $`
  kPunctuation,
};

struct Lexeme {
  Token token = Token::kEnd;
  std::string_view text;  // as written; punctuation: "(", ":=", "==", ...
  Location location;
  bool newline_before = false;
  bool space_before = false;  // anything at all between this and the last token
  bool dot_after = false;     // identifiers: a '.' follows at once, so it is a name, no keyword

  bool Is(std::string_view punctuation) const {
    return token == Token::kPunctuation && text == punctuation;
  }
  bool IsWord(std::string_view word) const {
    return token == Token::kIdentifier && text == word && !dot_after;
  }
  uint32_t end() const { return location.offset + static_cast<uint32_t>(text.size()); }
};

struct Comment {
  Location location;
  std::string_view text;  // after the '#', to the end of the line
};

class Lexer {
 public:
  // `text` must outlive the lexer and its tokens. Comments are added to `comments` as they are met
  // for the first time.
  Lexer(std::string_view text, uint16_t module, std::vector<Comment>* comments)
      : text_(text), module_(module), comments_(comments) {}

  Lexeme Next();

  // After kTemplate or kRawTemplate, and again after each embedded expression's '}': reads text up
  // to the next '{' (then *expression is set) or the closing quote. Fails like a kError token.
  bool TemplateText(bool raw, std::string* out, bool* expression);
  // Goes on right after `lexeme` (whatever was read since is forgotten).
  void Rewind(const Lexeme& lexeme);

  const std::string& error() const { return error_; }
  const Location& error_location() const { return error_location_; }

 private:
  Location Here() const;
  void SkipSpace(Lexeme* next);
  Lexeme Fail(Lexeme lexeme, std::string message);
  bool FailAt(Location location, std::string message);
  Lexeme Number(Lexeme lexeme);
  Lexeme Quoted(Lexeme lexeme);
  void Take(Lexeme* lexeme, size_t size);

  std::string_view text_;
  uint16_t module_;
  std::vector<Comment>* comments_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  size_t line_start_ = 0;
  std::string error_;
  Location error_location_;
};

// The meaning of a quoted string with escapes: JSON's, and \{ and \} when `in_template`. False when
// an escape is malformed.
bool UnescapeString(std::string_view text, bool in_template, std::string* out);

}  // namespace nacre::rego
