#include "policy/rego/builtins/pem.h"

#include "base/strings.h"
#include "policy/rego/builtins/base64.h"

namespace nacre::rego {
namespace {

// A line without its end, taken off the front.
std::string_view TakeLine(std::string_view* text) {
  size_t end = text->find('\n');
  std::string_view line = text->substr(0, end);
  text->remove_prefix(end == text->npos ? text->size() : end + 1);
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
    line.remove_suffix(1);
  }
  return line;
}

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kDashes = "-----";

}  // namespace

absl::StatusOr<PemBlock> TakePemBlock(std::string_view* text) {
  std::string_view rest = *text;
  while (!rest.empty()) {
    std::string_view line = TakeLine(&rest);
    if (!line.starts_with(kBegin) || !line.ends_with(kDashes) ||
        line.size() < kBegin.size() + kDashes.size()) {
      continue;
    }
    PemBlock block;
    block.type = line.substr(kBegin.size(), line.size() - kBegin.size() - kDashes.size());
    std::string end_line = StrCat("-----END ", block.type, kDashes);
    std::string base64;
    std::string_view after = rest;
    bool ended = false;
    while (!after.empty() && !ended) {
      std::string_view inner = TakeLine(&after);
      ended = inner == end_line;
      if (!ended && inner.find(':') == inner.npos) base64.append(inner);
    }
    auto der = GoBase64Decode(base64);
    if (!ended || !der.ok()) continue;  // no block after all; there may be one further on
    block.der = *std::move(der);
    *text = after;
    return block;
  }
  return absl::NotFoundError("no PEM block");
}

}  // namespace nacre::rego
