#include "image-rs-cpp/registry/reference.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "base/strings.h"
#include "image-rs-cpp/registry/digest.h"

namespace nacre::image {
namespace {

constexpr size_t kMaxReference = 1024;
constexpr size_t kMaxRepository = 255;
constexpr size_t kMaxTag = 128;
constexpr size_t kMaxHost = 255;

absl::Status Bad(std::string_view part, std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(
      StrCat("image reference: ", part, " '", text.substr(0, 300), "' ", why));
}

bool LowerOrDigit(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); }

// [a-z0-9]+ joined by '.', '_', '__' or any number of '-'.
bool IsPathComponent(std::string_view text) {
  size_t i = 0;
  while (true) {
    const size_t start = i;
    while (i < text.size() && LowerOrDigit(text[i])) ++i;
    if (i == start) return false;
    if (i == text.size()) return true;
    const size_t separator = i;
    if (text[i] == '-') {
      while (i < text.size() && text[i] == '-') ++i;
    } else {
      while (i < text.size() && (text[i] == '.' || text[i] == '_')) ++i;
      std::string_view mark = text.substr(separator, i - separator);
      if (mark != "." && mark != "_" && mark != "__") return false;
    }
  }
}

bool IsTag(std::string_view text) {
  if (text.empty() || text.size() > kMaxTag || text[0] == '.' || text[0] == '-') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
  });
}

bool IsHostName(std::string_view host) {
  for (std::string_view label : StrSplit(host, '.')) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') {
      return false;
    }
    if (!std::all_of(label.begin(), label.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '-'; })) {
      return false;
    }
  }
  return true;
}

bool IsBracketedIpv6(std::string_view host) {
  if (host.size() < 4 || host.front() != '[' || host.back() != ']') return false;
  host = host.substr(1, host.size() - 2);
  return std::all_of(host.begin(), host.end(),
                     [](char c) { return absl::ascii_isxdigit(c) || c == ':' || c == '.'; }) &&
         std::count(host.begin(), host.end(), ':') >= 2;
}

absl::Status CheckRegistry(std::string_view registry) {
  if (registry.size() > kMaxHost) return Bad("registry", registry, "is longer than 255 bytes");
  std::string_view host = registry;
  const size_t colon = registry.rfind(':');
  if (colon != std::string_view::npos && registry.back() != ']') {
    uint32_t port = 0;
    std::string_view digits = registry.substr(colon + 1);
    if (digits.empty() || digits.size() > 5 || !absl::ascii_isdigit(digits[0]) ||
        !ParseNumber(digits, &port) || port == 0 || port > 65535) {
      return Bad("registry", registry, "has a port that is not 1 to 65535");
    }
    host = registry.substr(0, colon);
  }
  if (!IsHostName(host) && !IsBracketedIpv6(host)) {
    return Bad("registry", registry, "is not a host name or address");
  }
  return absl::OkStatus();
}

// The first component is a registry when it could not be a repository's, or is "localhost".
bool LooksLikeRegistry(std::string_view first) {
  return first == "localhost" || first.find_first_of(".:[") != std::string_view::npos ||
         std::any_of(first.begin(), first.end(), absl::ascii_isupper);
}

absl::Status CheckRepository(std::string_view repository) {
  if (repository.empty()) return Bad("repository", repository, "is empty");
  if (repository.size() > kMaxRepository) {
    return Bad("repository", repository, "is longer than 255 bytes");
  }
  for (std::string_view component : StrSplit(repository, '/')) {
    if (!IsPathComponent(component)) {
      return Bad("repository", repository,
                 "may hold only lower-case letters and digits, joined by '.', '_', '__' or '-'");
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string ImageReference::ApiHost() const {
  return registry == "docker.io" ? "registry-1.docker.io" : registry;
}

std::string ImageReference::ToString() const {
  return StrCat(registry, "/", repository, tag.empty() ? "" : ":", tag, digest.empty() ? "" : "@",
                digest);
}

absl::StatusOr<ImageReference> ParseImageReference(std::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("image reference is empty");
  if (text.size() > kMaxReference) return Bad("text", text, "is longer than 1024 bytes");
  ImageReference reference;
  std::string_view rest = text;
  if (const size_t at = rest.find('@'); at != std::string_view::npos) {
    ASSIGN_OR_RETURN(BlobDigest digest, BlobDigest::Parse(rest.substr(at + 1)), "image reference");
    reference.digest = digest.text();
    rest = rest.substr(0, at);
  }
  if (const size_t slash = rest.find('/');
      slash != std::string_view::npos && LooksLikeRegistry(rest.substr(0, slash))) {
    reference.registry = rest.substr(0, slash);
    RETURN_IF_ERROR(CheckRegistry(reference.registry));
    rest = rest.substr(slash + 1);
  }
  if (const size_t colon = rest.find(':'); colon != std::string_view::npos) {
    reference.tag = rest.substr(colon + 1);
    if (!IsTag(reference.tag)) {
      return Bad("tag", reference.tag,
                 "may hold letters, digits, '_', '.' and '-' only, 1 to 128 of them");
    }
    rest = rest.substr(0, colon);
  } else if (reference.digest.empty()) {
    reference.tag = "latest";
  }
  reference.repository = rest;
  if (reference.registry.empty() || reference.registry == "index.docker.io") {
    reference.registry = "docker.io";
  }
  if (reference.registry == "docker.io" && rest.find('/') == std::string_view::npos) {
    reference.repository = StrCat("library/", rest);
  }
  RETURN_IF_ERROR(CheckRepository(rest.empty() ? rest : reference.repository));
  return reference;
}

}  // namespace nacre::image
