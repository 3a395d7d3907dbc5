#include "guest-agent/service/command_line.h"

#include <set>
#include <vector>

#include "base/strings.h"
#include "guest-agent/limits.h"

namespace nacre::guest_agent {
namespace {

constexpr std::string_view kPrefix = "nacre.";

absl::Status Refuse(std::string_view word, std::string_view why) {
  return absl::InvalidArgumentError(StrCat("kernel command line: '", word, "' ", why));
}

absl::StatusOr<std::vector<std::string>> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  for (const char c : text) {
    if (c < 0x20 || c > 0x7e)
      return absl::InvalidArgumentError("kernel command line: a byte is not printable ASCII");
    if (c == '"') quoted = !quoted;
    if (c == ' ' && !quoted) {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
    } else {
      word += c;
    }
  }
  if (quoted) return absl::InvalidArgumentError("kernel command line: a quote is not closed");
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

absl::Status Apply(std::string_view word, CommandLine* out) {
  const size_t equals = word.find('=');
  const std::string_view key = word.substr(0, equals);
  const std::string_view value = equals == word.npos ? "" : word.substr(equals + 1);
  if (key == "nacre.tee") {
    if (value != "emulated") return Refuse(word, "has a value other than 'emulated'");
    out->emulated_tee = true;
  } else if (key == "nacre.policy_debug") {
    if (value != "1") return Refuse(word, "has a value other than '1'");
    out->policy_debug = true;
  } else {
    return Refuse(word, "is not a setting of this agent");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.size() > kMaxCommandLine)
    return absl::InvalidArgumentError(
        StrCat("kernel command line: longer than ", kMaxCommandLine, " bytes"));
  CommandLine out;
  out.text = std::string(text);
  ASSIGN_OR_RETURN(const std::vector<std::string> words, SplitWords(text));
  std::set<std::string_view> seen;
  for (const std::string& word : words) {
    if (!word.starts_with(kPrefix)) continue;
    if (!seen.insert(std::string_view(word).substr(0, word.find('='))).second)
      return Refuse(word, "repeats a key");
    RETURN_IF_ERROR(Apply(word, &out));
  }
  return out;
}

}  // namespace nacre::guest_agent
