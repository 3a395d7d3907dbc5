#include "runtime/shim/resident_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <charconv>
#include <vector>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::runtime {
namespace {

constexpr size_t kMaxSmaps = 4 << 20;

bool ParseHex(std::string_view text, uintptr_t* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out, 16);
  return error == std::errc() && end == text.data() + text.size();
}

// "7f00-7f10 r-xp 00000000 fd:01 1234   /usr/lib/x.so"
bool ParseHeader(std::string_view line, Mapping* out) {
  const std::vector<std::string_view> words = StrSplit(line, ' ');
  const size_t dash = words[0].find('-');
  if (words.size() < 5 || dash == std::string_view::npos || words[1].size() != 4) return false;
  out->writable = words[1][1] == 'w';
  out->file = words.back().starts_with('/');
  return ParseHex(words[0].substr(0, dash), &out->begin) &&
         ParseHex(words[0].substr(dash + 1), &out->end) && out->begin < out->end;
}

// "Rss:                 12 kB"; other lines of the same form are of no interest.
void ReadField(std::string_view line, Mapping* mapping) {
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  std::string_view value = StripSpace(line.substr(colon + 1));
  size_t kib = 0;
  if (!value.ends_with(" kB") || !ParseNumber(value.substr(0, value.size() - 3), &kib)) return;
  if (name == "Rss") mapping->resident = kib * 1024;
  if (name == "Anonymous") mapping->anonymous = kib * 1024;
}

}  // namespace

absl::StatusOr<std::vector<Mapping>> ParseSmaps(std::string_view text) {
  std::vector<Mapping> mappings;
  for (std::string_view line : StrSplit(text, '\n')) {
    if (line.empty()) continue;
    const std::string_view first = line.substr(0, line.find(' '));
    if (first.ends_with(':')) {
      if (mappings.empty()) return absl::InvalidArgumentError("smaps: a field before any mapping");
      ReadField(line, &mappings.back());
    } else if (Mapping mapping; ParseHeader(line, &mapping)) {
      mappings.push_back(mapping);
    } else {
      return absl::InvalidArgumentError(StrCat("smaps: line '", line, "'"));
    }
  }
  return mappings;
}

absl::StatusOr<size_t> DropCleanFilePages() {
  ASSIGN_OR_RETURN(std::string text, ReadTextFile("/proc/self/smaps", kMaxSmaps));
  ASSIGN_OR_RETURN(std::vector<Mapping> mappings, ParseSmaps(text));
  size_t dropped = 0;
  for (const Mapping& mapping : mappings) {
    if (!mapping.clean_file()) continue;
    if (::madvise(reinterpret_cast<void*>(mapping.begin), mapping.end - mapping.begin,
                  MADV_DONTNEED) != 0) {
      return ErrnoStatus(errno, "giving back clean pages");
    }
    dropped += mapping.resident;
  }
  return dropped;
}

}  // namespace nacre::runtime
