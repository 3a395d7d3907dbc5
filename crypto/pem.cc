#include "crypto/pem.h"

#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::crypto {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";
constexpr size_t kLineSize = 64;

absl::Status Bad(std::string_view why) { return absl::InvalidArgumentError(StrCat("PEM: ", why)); }

// Takes a line with its end off `text`.
std::string_view TakeLine(std::string_view* text) {
  const size_t end = text->find('\n');
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  return line;
}

// The label of a boundary line that begins with `begin`, or nothing.
std::string_view Label(std::string_view line, std::string_view begin) {
  line = StripSpace(line);
  if (!line.starts_with(begin) || !line.ends_with(kDashes) ||
      line.size() < begin.size() + kDashes.size()) {
    return {};
  }
  return line.substr(begin.size(), line.size() - begin.size() - kDashes.size());
}

// What stands between the boundary lines; `text` is left behind the block.
absl::StatusOr<Bytes> Body(std::string_view* text, std::string_view label) {
  std::string base64;
  while (!text->empty()) {
    const std::string_view line = TakeLine(text);
    if (!line.starts_with('-')) {
      base64.append(StripSpace(line));
      continue;
    }
    if (Label(line, kEnd) != label) return Bad(StrCat("a block of '", label, "' ends wrongly"));
    auto der = Base64Decode(base64);
    if (!der.ok()) return Bad(Message(der.status()));
    return der;
  }
  return Bad(StrCat("a block of '", label, "' has no end"));
}

}  // namespace

absl::StatusOr<std::vector<Bytes>> PemBlocks(std::string_view pem, std::string_view label,
                                             size_t max_count, size_t max_size) {
  // Base64 and line ends make PEM less than twice the size of its DER.
  if (pem.size() > 2 * max_count * max_size) return Bad("too large");
  std::vector<Bytes> blocks;
  while (!pem.empty()) {
    const std::string_view found = Label(TakeLine(&pem), kBegin);
    if (found.empty()) continue;
    if (found != label) {
      return Bad(StrCat("block of kind '", found, "', must be '", label, "'"));
    }
    if (blocks.size() == max_count) return Bad(StrCat("more than ", max_count, " blocks"));
    ASSIGN_OR_RETURN(Bytes der, Body(&pem, label));
    blocks.push_back(std::move(der));
  }
  if (blocks.empty()) return Bad(StrCat("no '", label, "' block"));
  return blocks;
}

std::string ToPem(std::string_view label, ByteView der) {
  const std::string base64 = Base64Encode(der);
  std::string out = StrCat(kBegin, label, kDashes, "\n");
  for (size_t at = 0; at < base64.size(); at += kLineSize) {
    StrAppend(&out, std::string_view(base64).substr(at, kLineSize), "\n");
  }
  StrAppend(&out, kEnd, label, kDashes, "\n");
  return out;
}

}  // namespace nacre::crypto
