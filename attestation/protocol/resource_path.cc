#include "attestation/protocol/resource_path.h"

#include <array>

#include "attestation/protocol/limits.h"

namespace nacre::attestation {
namespace {

bool IsWordByte(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

absl::Status CheckSegment(std::string_view segment, std::string_view what) {
  std::string context = "resource path: " + std::string(what);
  if (segment.empty()) return absl::InvalidArgumentError(context + " is empty");
  if (segment.size() > kMaxPathSegmentSize) {
    return absl::InvalidArgumentError(context + " is longer than " +
                                      std::to_string(kMaxPathSegmentSize) + " bytes");
  }
  if (!IsWordByte(segment[0])) {
    return absl::InvalidArgumentError(context + " must start with a letter, digit, '_' or '-'");
  }
  for (char c : segment) {
    if (!IsWordByte(c) && c != '.') {
      return absl::InvalidArgumentError(context + " may hold only letters, digits, '_', '-', '.'");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ResourcePath> ParseResourcePath(std::string_view text) {
  std::array<std::string_view, 3> parts;
  for (size_t i = 0; i < parts.size(); ++i) {
    size_t slash = text.find('/');
    bool last = i + 1 == parts.size();
    if (last != (slash == std::string_view::npos)) {
      return absl::InvalidArgumentError(
          "resource path: want exactly three parts, repository/type/tag");
    }
    parts[i] = text.substr(0, slash);
    if (!last) text.remove_prefix(slash + 1);
  }
  RETURN_IF_ERROR(CheckSegment(parts[0], "repository"));
  RETURN_IF_ERROR(CheckSegment(parts[1], "type"));
  RETURN_IF_ERROR(CheckSegment(parts[2], "tag"));
  return ResourcePath{std::string(parts[0]), std::string(parts[1]), std::string(parts[2])};
}

absl::StatusOr<ResourcePath> ParseKbsUri(std::string_view uri) {
  if (uri.starts_with("kbs+")) {
    return absl::UnimplementedError("KBS URI: only the resource plugin is supported");
  }
  constexpr std::string_view kScheme = "kbs://";
  if (!uri.starts_with(kScheme)) {
    return absl::InvalidArgumentError("KBS URI: must start with 'kbs://'");
  }
  uri.remove_prefix(kScheme.size());
  if (uri.find('?') != std::string_view::npos) {
    return absl::UnimplementedError("KBS URI: a query is not supported for resources");
  }
  size_t slash = uri.find('/');
  if (slash == std::string_view::npos) {
    return absl::InvalidArgumentError("KBS URI: no path after the host");
  }
  ASSIGN_OR_RETURN(ResourcePath path, ParseResourcePath(uri.substr(slash + 1)), "KBS URI");
  return path;
}

}  // namespace nacre::attestation
