// glob.match, glob.quote_meta and regex.globs_match. The latter asks whether two patterns of a
// small language (characters, ., [sets], * and + behind them) have a text in common: it walks
// through both at once, over pairs of places.
#include <algorithm>

#include "base/utf8.h"
#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/pattern.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/builtins/utf8.h"

namespace nacre::rego {
namespace {

// Null means none; an empty list means the dot.
absl::StatusOr<std::u32string> Separators(Args args) {
  if (args[1].is_null()) return std::u32string();
  if (!args[1].is_array()) return OperandTypeError(2, "one of {array, null}", args[1]);
  std::u32string out;
  for (const Value& element : args[1].elements()) {
    if (!element.is_string()) return OperandElementError(2, args[1], element, "string");
    std::u32string runes = ToRunes(element.string());
    if (runes.size() != 1) return OperandElementError(2, args[1], element, "rune");
    out += runes;
  }
  return out.empty() ? U"." : out;
}

Result MatchGlob(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view glob, StringArg(args, 1));
  ASSIGN_OR_RETURN(std::u32string separators, Separators(args));
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 3));
  std::string key = StrCat(glob, std::string(1, '\0'));
  for (char32_t rune : separators) AppendUtf8(&key, rune);
  auto pattern = std::static_pointer_cast<const Pattern>(context.Kept("glob", key));
  if (pattern == nullptr) {
    RETURN_IF_ERROR(context.Step(100 + 20 * glob.size()));
    auto compiled = Pattern::FromGlob(glob, separators);
    RETURN_IF_ERROR(context.Step(compiled.ok() ? (*compiled)->CompileWork() : kRefusedPatternWork));
    if (!compiled.ok()) return AsBuiltinError(compiled.status());
    pattern = *compiled;
    context.Keep("glob", key, pattern);
  }
  RETURN_IF_ERROR(context.Step(pattern->SearchWork(text.size())));
  return Value::Bool(pattern->Matches(text));
}

// One step of a pattern: a character out of `ranges`, once, or any number of times.
struct Token {
  std::vector<std::pair<char32_t, char32_t>> ranges;
  bool repeated = false;

  bool Meets(const Token& other) const {
    for (const auto& [first, last] : ranges) {
      for (const auto& [other_first, other_last] : other.ranges) {
        if (first <= other_last && other_first <= last) return true;
      }
    }
    return false;
  }
};

class TokenReader {
 public:
  explicit TokenReader(std::string_view text) : text_(text), runes_(ToRunes(text)) {}

  absl::StatusOr<std::vector<Token>> Read() {
    while (at_ < runes_.size()) {
      char32_t rune = runes_[at_++];
      if (rune == '*' || rune == '+') {
        if (tokens_.empty() || after_flag_) {
          return Fault(
              StrCat("flag '", rune == '*' ? "*" : "+", "' must be preceded by a non-flag"));
        }
        if (rune == '+') tokens_.push_back(tokens_.back());  // once, then any number of times
        tokens_.back().repeated = true;
        after_flag_ = true;
        continue;
      }
      after_flag_ = false;
      if (rune == ']') return Fault("set-close ']' with no preceding '['");
      if (rune == '[') {
        RETURN_IF_ERROR(ReadSet());
        continue;
      }
      if (rune == '\\') {
        if (at_ == runes_.size()) return Fault("input ends with escape character");
        rune = runes_[at_++];
      } else if (rune == '.') {
        tokens_.push_back({{{0, 0x10ffff}}});
        continue;
      }
      tokens_.push_back({{{rune, rune}}});
    }
    return std::move(tokens_);
  }

 private:
  absl::Status Fault(std::string_view what) const {
    return BuiltinError(
        StrCat("input:", text_, ", pos:", at_, ", ", what, ": the input provided is invalid"));
  }

  absl::Status ReadSet() {
    Token token;
    while (at_ < runes_.size() && runes_[at_] != ']') {
      if (runes_[at_] == '\\' && at_ + 1 < runes_.size()) ++at_;
      char32_t first = runes_[at_++];
      char32_t last = first;
      if (at_ + 1 < runes_.size() && runes_[at_] == '-' && runes_[at_ + 1] != ']') {
        last = runes_[at_ + 1];
        at_ += 2;
      }
      if (last < first) return Fault("range is reversed");
      token.ranges.emplace_back(first, last);
    }
    if (at_ == runes_.size()) return Fault("set-open '[' with no matching ']'");
    ++at_;
    tokens_.push_back(std::move(token));
    return absl::OkStatus();
  }

  std::string_view text_;
  std::u32string runes_;
  size_t at_ = 0;
  bool after_flag_ = false;
  std::vector<Token> tokens_;
};

// Whether some text is matched by both: is the pair of ends reachable from the pair of beginnings?
absl::StatusOr<bool> HaveCommonText(BuiltinContext& context, const std::vector<Token>& a,
                                    const std::vector<Token>& b) {
  size_t width = b.size() + 1;
  RETURN_IF_ERROR(context.Step((a.size() + 1) * width));
  RETURN_IF_ERROR(CheckTextSize((a.size() + 1) * width));
  std::vector<bool> seen((a.size() + 1) * width);
  std::vector<std::pair<size_t, size_t>> waiting;
  auto reach = [&](size_t i, size_t j) {
    if (seen[i * width + j]) return;
    seen[i * width + j] = true;
    waiting.emplace_back(i, j);
  };
  reach(0, 0);
  while (!waiting.empty()) {
    auto [i, j] = waiting.back();
    waiting.pop_back();
    if (i == a.size() && j == b.size()) return true;
    if (i < a.size() && a[i].repeated) reach(i + 1, j);
    if (j < b.size() && b[j].repeated) reach(i, j + 1);
    if (i == a.size() || j == b.size()) continue;
    RETURN_IF_ERROR(context.Step(a[i].ranges.size() * b[j].ranges.size()));
    if (a[i].Meets(b[j])) reach(i + (a[i].repeated ? 0 : 1), j + (b[j].repeated ? 0 : 1));
  }
  return false;
}

Result GlobsMatch(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view a, StringArg(args, 1));
  ASSIGN_OR_RETURN(std::string_view b, StringArg(args, 2));
  ASSIGN_OR_RETURN(std::vector<Token> tokens_a, TokenReader(a).Read());
  ASSIGN_OR_RETURN(std::vector<Token> tokens_b, TokenReader(b).Read());
  ASSIGN_OR_RETURN(bool common, HaveCommonText(context, tokens_a, tokens_b));
  return Value::Bool(common);
}

}  // namespace

void RegisterGlob(BuiltinRegistry& registry) {
  registry.Register({"glob.match", {kString, kNull | kArray, kString}, kBoolean, MatchGlob});
  registry.Register({"glob.quote_meta", {kString}, kString, TextFunction(QuoteGlob)});
  registry.Register({"regex.globs_match", {kString, kString}, kBoolean, GlobsMatch});
}

}  // namespace nacre::rego
