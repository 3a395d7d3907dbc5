// Regular expressions (RE2's, which are Go's) and globs (gobwas/glob's), compiled. The only user of
// RE2. Matching takes time linear in the text, whatever the pattern.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace re2 {
class RE2;
}

namespace nacre::rego {

// Longer patterns are refused.
inline constexpr size_t kMaxPatternBytes = 64 << 10;

class Pattern {
 public:
  // kInvalidArgument: error parsing regexp: missing closing ]: `[a`
  static absl::StatusOr<std::shared_ptr<const Pattern>> FromRegex(std::string_view regex);
  // `separators`: characters that * and ? do not match.
  static absl::StatusOr<std::shared_ptr<const Pattern>> FromGlob(std::string_view glob,
                                                                 std::u32string_view separators);
  ~Pattern();

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

// All special characters with a backslash in front.
std::string QuoteRegex(std::string_view text);
std::string QuoteGlob(std::string_view text);
// The regular expression that matches what the glob matches.
absl::StatusOr<std::string> GlobToRegex(std::string_view glob, std::u32string_view separators);

}  // namespace nacre::rego
