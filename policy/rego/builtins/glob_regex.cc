// A glob as a regular expression. The language is gobwas/glob's: * and ? stop at separators, **
// does not; [abc], [!abc] and [a-z] are one character, separators included; {a,b*} are
// alternatives, which nest; a backslash takes the next character literally.
#include "base/strings.h"
#include "base/utf8.h"
#include "policy/rego/builtins/pattern.h"
#include "policy/rego/builtins/utf8.h"

namespace nacre::rego {
namespace {

constexpr int kMaxBraces = 64;

// A character inside [] of a regular expression.
void AppendInClass(std::string* out, char32_t rune) {
  if (rune < 0x80 &&
      std::string_view("\\]^-[").find(static_cast<char>(rune)) != std::string_view::npos) {
    out->push_back('\\');
  }
  AppendUtf8(out, rune);
}

class Translator {
 public:
  Translator(std::string_view glob, std::u32string_view separators) : rest_(glob) {
    if (separators.empty()) {
      not_separator_ = ".";
      return;
    }
    not_separator_ = "[^";
    for (char32_t rune : separators) AppendInClass(&not_separator_, rune);
    not_separator_ += "]";
  }

  absl::StatusOr<std::string> Translate() {
    out_ = "^";
    while (!rest_.empty()) {
      RETURN_IF_ERROR(One());
      if (out_.size() > kMaxPatternBytes) return absl::InvalidArgumentError("glob is too large");
    }
    if (braces_ > 0) return absl::InvalidArgumentError("glob: unclosed `{`");
    return out_ + "$";
  }

 private:
  char32_t Take() {
    Rune rune = DecodeRune(rest_);
    rest_.remove_prefix(rune.size);
    return rune.value;
  }

  void Literal(char32_t rune) {
    std::string text;
    AppendUtf8(&text, rune);
    out_ += QuoteRegex(text);
  }

  absl::Status One() {
    char32_t rune = Take();
    switch (rune) {
      case '*':
        if (rest_.starts_with('*')) {
          rest_.remove_prefix(1);
          out_ += ".*";
        } else {
          out_ += not_separator_ + "*";
        }
        break;
      case '?':
        out_ += not_separator_;
        break;
      case '[':
        return Class();
      case '{':
        if (++braces_ > kMaxBraces) return absl::InvalidArgumentError("glob: too many braces");
        out_ += "(?:";
        break;
      case '\\':
        if (rest_.empty()) return absl::InvalidArgumentError("glob: trailing backslash");
        Literal(Take());
        break;
      default:
        if (rune == '}' && braces_ > 0) {
          --braces_;
          out_ += ")";
        } else if (rune == ',' && braces_ > 0) {
          out_ += "|";
        } else {
          Literal(rune);
        }
    }
    return absl::OkStatus();
  }

  // Behind "[": either one range or a list of characters.
  absl::Status Class() {
    absl::Status cut = absl::InvalidArgumentError("glob: unexpected end of input");
    out_ += "[";
    if (rest_.starts_with('!')) {
      rest_.remove_prefix(1);
      out_ += "^";
    }
    if (rest_.empty()) return cut;
    std::u32string runes;
    char32_t first = Take();
    if (rest_.starts_with('-')) {
      rest_.remove_prefix(1);
      if (rest_.empty()) return cut;
      char32_t last = Take();
      if (!rest_.starts_with(']')) {
        return absl::InvalidArgumentError("glob: expected close range character");
      }
      rest_.remove_prefix(1);
      if (last < first) {
        return absl::InvalidArgumentError("glob: hi character should be greater than lo");
      }
      AppendInClass(&out_, first);
      out_ += "-";
      AppendInClass(&out_, last);
      out_ += "]";
      return absl::OkStatus();
    }
    for (char32_t rune = first; rune != ']'; rune = Take()) {
      if (rune == '\\') {
        if (rest_.empty()) return cut;
        rune = Take();
      }
      runes.push_back(rune);
      if (rest_.empty()) return cut;
    }
    if (runes.empty()) return absl::InvalidArgumentError("glob: empty character list");
    for (char32_t rune : runes) AppendInClass(&out_, rune);
    out_ += "]";
    return absl::OkStatus();
  }

  std::string_view rest_;
  std::string not_separator_;
  std::string out_;
  int braces_ = 0;
};

}  // namespace

absl::StatusOr<std::string> GlobToRegex(std::string_view glob, std::u32string_view separators) {
  return Translator(glob, separators).Translate();
}

std::string QuoteGlob(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (std::string_view("*?\\[]{}").find(c) != std::string_view::npos) out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

}  // namespace nacre::rego
