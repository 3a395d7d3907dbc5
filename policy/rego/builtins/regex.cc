// regex.*: matching, finding, splitting and replacing as Go's package regexp does it.
#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/go_quote.h"
#include "policy/rego/builtins/pattern.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/builtins/utf8.h"

namespace nacre::rego {
namespace {

using PatternPtr = std::shared_ptr<const Pattern>;
using Match = std::vector<Pattern::Range>;

absl::StatusOr<PatternPtr> Compiled(BuiltinContext& context, std::string_view regex) {
  auto pattern = KeptRegex(context, regex);
  if (!pattern.ok()) return AsBuiltinError(pattern.status());
  return pattern;
}

absl::StatusOr<PatternPtr> PatternArg(BuiltinContext& context, Args args, int operand) {
  ASSIGN_OR_RETURN(std::string_view regex, StringArg(args, operand));
  return Compiled(context, regex);
}

// Up to `limit` matches (all when it is negative), none overlapping; an empty match right behind
// another match does not count.
absl::StatusOr<std::vector<Match>> FindAll(BuiltinContext& context, const Pattern& pattern,
                                           std::string_view text, int64_t limit) {
  std::vector<Match> out;
  size_t from = 0;
  size_t previous_end = std::string_view::npos;
  while (from <= text.size() && (limit < 0 || static_cast<int64_t>(out.size()) < limit)) {
    Match match = pattern.Find(text, from);
    if (match.empty()) {
      RETURN_IF_ERROR(context.Step(1 + pattern.SearchWork(text.size() - from)));
      break;
    }
    size_t end = match[0].begin + match[0].size;
    RETURN_IF_ERROR(context.Step(10 + pattern.SearchWork(end - from)));
    bool counts = true;
    if (end == from) {
      counts = match[0].begin != previous_end;
      from += from < text.size() ? DecodeRune(text.substr(from)).size : 1;
    } else {
      from = end;
    }
    previous_end = end;
    if (counts) out.push_back(std::move(match));
  }
  return out;
}

std::string_view PartOf(std::string_view text, const Pattern::Range& range) {
  return range.size == text.npos ? std::string_view() : text.substr(range.begin, range.size);
}

Result MatchRegex(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kString));
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 2));
  ASSIGN_OR_RETURN(PatternPtr pattern, PatternArg(context, args, 1));
  RETURN_IF_ERROR(context.Step(pattern->SearchWork(text.size())));
  return Value::Bool(pattern->Matches(text));
}

Result IsValid(BuiltinContext& context, Args args) {
  if (!args[0].is_string()) return Value::Bool(false);
  auto pattern = KeptRegex(context, args[0].string());
  if (absl::IsInvalidArgument(pattern.status())) return Value::Bool(false);
  if (!pattern.ok()) return pattern.status();
  return Value::Bool(true);
}

Result FindN(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kString));
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 2));
  ASSIGN_OR_RETURN(int64_t limit, IntArg(args, 3));
  ASSIGN_OR_RETURN(PatternPtr pattern, PatternArg(context, args, 1));
  ASSIGN_OR_RETURN(std::vector<Match> matches, FindAll(context, *pattern, text, limit));
  ArrayBuilder out(context.arena(), matches.size());
  for (const Match& match : matches) out.Add(Text(context, PartOf(text, match[0])));
  return out.Build();
}

Result FindSubmatches(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kString));
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 2));
  ASSIGN_OR_RETURN(int64_t limit, IntArg(args, 3));
  ASSIGN_OR_RETURN(PatternPtr pattern, PatternArg(context, args, 1));
  ASSIGN_OR_RETURN(std::vector<Match> matches, FindAll(context, *pattern, text, limit));
  ArrayBuilder out(context.arena(), matches.size());
  for (const Match& match : matches) {
    RETURN_IF_ERROR(context.Step(match.size()));
    ArrayBuilder groups(context.arena(), match.size());
    for (const Pattern::Range& range : match) groups.Add(Text(context, PartOf(text, range)));
    out.Add(groups.Build());
  }
  return out.Build();
}

Result Split(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kString));
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 2));
  ASSIGN_OR_RETURN(PatternPtr pattern, PatternArg(context, args, 1));
  std::vector<std::string_view> parts;
  if (text.empty() && args[0].size() > 0) return StringArray(context, std::vector{text});
  ASSIGN_OR_RETURN(std::vector<Match> matches, FindAll(context, *pattern, text, -1));
  size_t begin = 0, end = 0;
  for (const Match& match : matches) {
    end = match[0].begin;
    size_t after = end + match[0].size;
    if (after != 0) parts.push_back(text.substr(begin, end - begin));
    begin = after;
  }
  if (end != text.size()) parts.push_back(text.substr(begin));
  return StringArray(context, parts);
}

bool IsWord(char c) {
  return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

// "$1", "${name}", "$$" in a replacement; a dollar that begins none of these is itself.
class Expander {
 public:
  Expander(const Pattern& pattern, std::string_view with) : pattern_(pattern), with_(with) {}

  void Append(std::string* out, std::string_view text, const Match& match) const {
    std::string_view rest = with_;
    while (true) {
      size_t dollar = std::min(rest.find('$'), rest.size());
      out->append(rest.substr(0, dollar));
      rest.remove_prefix(dollar);
      if (rest.empty()) return;
      if (rest.starts_with("$$")) {
        out->push_back('$');
        rest.remove_prefix(2);
        continue;
      }
      bool braces = rest.starts_with("${");
      size_t begin = braces ? 2 : 1;
      size_t end = begin;
      while (end < rest.size() && IsWord(rest[end])) ++end;
      bool closed = !braces || (end < rest.size() && rest[end] == '}');
      if (end == begin || !closed) {
        out->push_back('$');
        rest.remove_prefix(1);
        continue;
      }
      out->append(Group(rest.substr(begin, end - begin), text, match));
      rest.remove_prefix(end + (braces ? 1 : 0));
    }
  }

 private:
  std::string_view Group(std::string_view name, std::string_view text, const Match& match) const {
    size_t number = 0;
    if (!ParseNumber(name, &number)) {
      int named = pattern_.GroupNumber(name);
      if (named < 0) return {};
      number = static_cast<size_t>(named);
    }
    return number < match.size() ? PartOf(text, match[number]) : std::string_view();
  }

  const Pattern& pattern_;
  std::string_view with_;
};

Result Replace(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  RETURN_IF_ERROR(WantKind(args, 2, Kind::kString));
  ASSIGN_OR_RETURN(std::string_view with, StringArg(args, 3));
  ASSIGN_OR_RETURN(PatternPtr pattern, PatternArg(context, args, 2));
  ASSIGN_OR_RETURN(std::vector<Match> matches, FindAll(context, *pattern, text, -1));
  Expander expander(*pattern, with);
  std::string out;
  size_t done = 0;
  for (const Match& match : matches) {
    out.append(text.substr(done, match[0].begin - done));
    expander.Append(&out, text, match);
    done = match[0].begin + match[0].size;
    RETURN_IF_ERROR(CheckTextSize(out.size()));
  }
  out.append(text.substr(done));
  return Text(context, out);
}

// "urn:<.*>" with its delimiters: text outside is literal, inside are regular expressions.
absl::StatusOr<std::string> TemplateRegex(std::string_view text, char open, char close) {
  absl::Status unbalanced = BuiltinError(StrCat("unbalanced braces in ", GoQuote(text)));
  std::string out = "^";
  int level = 0;
  size_t begin = 0, literal = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == open) {
      if (++level == 1) begin = i;
    } else if (text[i] == close) {
      if (--level < 0) return unbalanced;
      if (level > 0) continue;
      std::string_view inner = text.substr(begin + 1, i - begin - 1);
      auto valid = Pattern::FromRegex(StrCat("^", inner, "$"));
      if (!valid.ok()) return AsBuiltinError(valid.status());
      StrAppend(&out, QuoteRegex(text.substr(literal, begin - literal)), "(", inner, ")");
      literal = i + 1;
    }
  }
  if (level != 0) return unbalanced;
  return StrCat(out, QuoteRegex(text.substr(literal)), "$");
}

Result TemplateMatch(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view pattern_text, StringArg(args, 1));
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 2));
  ASSIGN_OR_RETURN(std::string_view open, StringArg(args, 3));
  ASSIGN_OR_RETURN(std::string_view close, StringArg(args, 4));
  for (auto [name, delimiter] : {std::pair{"start", open}, std::pair{"end", close}}) {
    if (delimiter.size() == 1) continue;
    return BuiltinError(StrCat(name, " delimiter has to be exactly one character long but is ",
                               delimiter.size(), " long"));
  }
  RETURN_IF_ERROR(context.Step(20 * pattern_text.size()));
  ASSIGN_OR_RETURN(std::string regex, TemplateRegex(pattern_text, open[0], close[0]));
  ASSIGN_OR_RETURN(PatternPtr pattern, Compiled(context, regex));
  RETURN_IF_ERROR(context.Step(pattern->SearchWork(text.size())));
  return Value::Bool(pattern->Matches(text));
}

}  // namespace

void RegisterRegex(BuiltinRegistry& registry) {
  registry.Register({"regex.match", {kString, kString}, kBoolean, MatchRegex});
  registry.Register({"re_match", {kString, kString}, kBoolean, MatchRegex});
  registry.Register({"regex.is_valid", {kString}, kBoolean, IsValid});
  registry.Register({"regex.find_n", {kString, kString, kNumber}, kArray, FindN});
  registry.Register(
      {"regex.find_all_string_submatch_n", {kString, kString, kNumber}, kArray, FindSubmatches});
  registry.Register({"regex.split", {kString, kString}, kArray, Split});
  registry.Register({"regex.replace", {kString, kString, kString}, kString, Replace});
  registry.Register(
      {"regex.template_match", {kString, kString, kString, kString}, kBoolean, TemplateMatch});
}

}  // namespace nacre::rego
