// Regular expressions (RE2's, which are Go's) and globs (gobwas/glob's), compiled. The only user of
// RE2. Matching takes time linear in the text, whatever the pattern.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "policy/rego/builtin.h"

namespace re2 {
class RE2;
}

namespace nacre::rego {

// Longer patterns are refused.
inline constexpr size_t kMaxPatternBytes = 64 << 10;
// Steps of a pattern that was tried and refused, which may have been large.
inline constexpr uint64_t kRefusedPatternWork = 50'000;

class Pattern {
 public:
  // kInvalidArgument: error parsing regexp: missing closing ]: `[a`
  static absl::StatusOr<std::shared_ptr<const Pattern>> FromRegex(std::string_view regex);
  // `separators`: characters that * and ? do not match.
  static absl::StatusOr<std::shared_ptr<const Pattern>> FromGlob(std::string_view glob,
                                                                 std::u32string_view separators);
  ~Pattern();

  // What a budget is charged, in steps of 10 ns (BuiltinContext::Step): for having compiled this,
  // and for a search through so many bytes. Linear does not mean cheap: with a large automaton,
  // the search makes its states as the text asks for them.
  uint64_t CompileWork() const;
  uint64_t SearchWork(size_t bytes) const;

  bool Matches(std::string_view text) const;
  int groups() const;
  // Where the first match at or after `from` begins and ends, then its groups; a group that took no
  // part has size npos. Empty when there is none.
  struct Range {
    size_t begin = 0;
    size_t size = 0;
  };
  std::vector<Range> Find(std::string_view text, size_t from) const;
  // The number of a named group, or -1.
  int GroupNumber(std::string_view name) const;

 private:
  explicit Pattern(std::unique_ptr<re2::RE2> re2);
  static absl::StatusOr<std::shared_ptr<const Pattern>> Compile(std::string_view regex,
                                                                bool dot_matches_line_end);
  std::unique_ptr<re2::RE2> re2_;
};

// The regular expression, compiled now or kept from an earlier call of this evaluator.
// kInvalidArgument as FromRegex; or what context.Step() returned.
absl::StatusOr<std::shared_ptr<const Pattern>> KeptRegex(BuiltinContext& context,
                                                         std::string_view regex);

// All special characters with a backslash in front.
std::string QuoteRegex(std::string_view text);
std::string QuoteGlob(std::string_view text);
// The regular expression that matches what the glob matches.
absl::StatusOr<std::string> GlobToRegex(std::string_view glob, std::u32string_view separators);

}  // namespace nacre::rego
