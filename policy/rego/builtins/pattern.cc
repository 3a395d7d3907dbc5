#include "policy/rego/builtins/pattern.h"

#include <re2/re2.h>

#include <algorithm>

#include "base/strings.h"

namespace nacre::rego {
namespace {

// One compiled pattern and its caches may use so much.
constexpr int64_t kMaxPatternMemory = 4 << 20;

// (?<name> is Go's newer spelling of (?P<name>, which this RE2 does not know yet.
std::string WithOldGroupNames(std::string_view regex) {
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < regex.size(); ++i) {
    if (regex[i] == '\\' && i + 1 < regex.size()) {
      out.append(regex.substr(i++, 2));
      continue;
    }
    if (regex[i] == '[') in_class = true;
    if (regex[i] == ']') in_class = false;
    if (!in_class && regex.substr(i).starts_with("(?<") && i + 3 < regex.size() &&
        regex[i + 3] != '=' && regex[i + 3] != '!') {
      out.append("(?P<");
      i += 2;
      continue;
    }
    out.push_back(regex[i]);
  }
  return out;
}

std::string_view GoWords(re2::RE2::ErrorCode code) {
  switch (code) {
    case re2::RE2::ErrorBadEscape:
      return "invalid escape sequence";
    case re2::RE2::ErrorBadCharRange:
      return "invalid character class range";
    case re2::RE2::ErrorMissingBracket:
      return "missing closing ]";
    case re2::RE2::ErrorMissingParen:
      return "missing closing )";
    case re2::RE2::ErrorUnexpectedParen:
      return "unexpected )";
    case re2::RE2::ErrorTrailingBackslash:
      return "trailing backslash at end of expression";
    case re2::RE2::ErrorRepeatArgument:
      return "missing argument to repetition operator";
    case re2::RE2::ErrorRepeatSize:
      return "invalid repeat count";
    case re2::RE2::ErrorRepeatOp:
      return "invalid nested repetition operator";
    case re2::RE2::ErrorBadPerlOp:
      return "invalid or unsupported Perl syntax";
    case re2::RE2::ErrorBadUTF8:
      return "invalid UTF-8";
    case re2::RE2::ErrorBadNamedCapture:
      return "invalid named capture";
    case re2::RE2::ErrorPatternTooLarge:
      return "expression too large";
    default:
      return "regexp/syntax: internal error";
  }
}

}  // namespace

Pattern::Pattern(std::unique_ptr<re2::RE2> re2) : re2_(std::move(re2)) {}
Pattern::~Pattern() = default;

absl::StatusOr<std::shared_ptr<const Pattern>> Pattern::Compile(std::string_view regex,
                                                                bool dot_matches_line_end) {
  if (regex.size() > kMaxPatternBytes) {
    return absl::InvalidArgumentError(
        StrCat("pattern is longer than ", kMaxPatternBytes, " bytes"));
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxPatternMemory);
  options.set_dot_nl(dot_matches_line_end);
  std::string old = WithOldGroupNames(regex);
  auto re2 = std::make_unique<re2::RE2>(old, options);
  if (!re2->ok()) {
    return absl::InvalidArgumentError(
        StrCat("error parsing regexp: ", GoWords(re2->error_code()), ": `", re2->error_arg(), "`"));
  }
  return std::shared_ptr<const Pattern>(new Pattern(std::move(re2)));
}

absl::StatusOr<std::shared_ptr<const Pattern>> Pattern::FromRegex(std::string_view regex) {
  return Compile(regex, false);
}

absl::StatusOr<std::shared_ptr<const Pattern>> Pattern::FromGlob(std::string_view glob,
                                                                 std::u32string_view separators) {
  ASSIGN_OR_RETURN(std::string regex, GlobToRegex(glob, separators));
  return Compile(regex, true);
}

uint64_t Pattern::CompileWork() const { return 20 * static_cast<uint64_t>(re2_->ProgramSize()); }

uint64_t Pattern::SearchWork(size_t bytes) const {
  return bytes * (1 + static_cast<uint64_t>(re2_->ProgramSize()) / 128);
}

bool Pattern::Matches(std::string_view text) const {
  re2::StringPiece piece(text.data(), text.size());
  return re2_->Match(piece, 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0);
}

int Pattern::groups() const { return re2_->NumberOfCapturingGroups(); }

std::vector<Pattern::Range> Pattern::Find(std::string_view text, size_t from) const {
  std::vector<re2::StringPiece> found(static_cast<size_t>(groups()) + 1);
  re2::StringPiece piece(text.data(), text.size());
  std::vector<Range> out;
  if (!re2_->Match(piece, from, text.size(), re2::RE2::UNANCHORED, found.data(),
                   static_cast<int>(found.size()))) {
    return out;
  }
  for (const re2::StringPiece& part : found) {
    if (part.data() == nullptr) {
      out.push_back({0, std::string_view::npos});
    } else {
      out.push_back({static_cast<size_t>(part.data() - text.data()), part.size()});
    }
  }
  return out;
}

int Pattern::GroupNumber(std::string_view name) const {
  auto found = re2_->NamedCapturingGroups().find(std::string(name));
  return found == re2_->NamedCapturingGroups().end() ? -1 : found->second;
}

absl::StatusOr<std::shared_ptr<const Pattern>> KeptRegex(BuiltinContext& context,
                                                         std::string_view regex) {
  if (auto kept = context.Kept("regex", regex)) {
    return std::static_pointer_cast<const Pattern>(kept);
  }
  RETURN_IF_ERROR(context.Step(100 + 20 * std::min(regex.size(), kMaxPatternBytes)));
  auto pattern = Pattern::FromRegex(regex);
  RETURN_IF_ERROR(context.Step(pattern.ok() ? (*pattern)->CompileWork() : kRefusedPatternWork));
  if (pattern.ok()) context.Keep("regex", regex, *pattern);
  return pattern;
}

std::string QuoteRegex(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

}  // namespace nacre::rego
