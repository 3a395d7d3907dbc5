#include "base/strings.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/unpack/acl.h"
#include "image-rs-cpp/unpack/tar_header.h"

namespace nacre::image {
namespace {

absl::Status Bad(std::string_view key, std::string_view why) {
  return absl::InvalidArgumentError(StrCat("pax header: '", Printable(key, 100), "' ", why));
}

absl::Status SetNumber(std::string_view key, std::string_view value, std::optional<uint64_t>* out) {
  uint64_t number = 0;
  if (!ParseNumber(value, &number)) return Bad(key, "is not a number");
  *out = number;
  return absl::OkStatus();
}

absl::Status SetText(std::string_view key, std::string_view value,
                     std::optional<std::string>* out) {
  if (value.find('\0') != std::string_view::npos) return Bad(key, "holds a NUL byte");
  *out = std::string(value);
  return absl::OkStatus();
}

// "1700000000.123456789", "-0.5": seconds and a decimal fraction, cut at nanoseconds.
absl::Status SetTime(std::string_view key, std::string_view value, PaxRecords* records) {
  const size_t dot = value.find('.');
  const std::string_view whole = value.substr(0, dot);
  const std::string_view fraction = dot == std::string_view::npos ? "" : value.substr(dot + 1, 9);
  int64_t seconds = 0;
  if (whole != "-0" && !ParseNumber(whole, &seconds)) return Bad(key, "is not a time");
  uint32_t nanoseconds = 0;
  for (size_t i = 0; i < 9; ++i) {
    const char c = i < fraction.size() ? fraction[i] : '0';
    if (c < '0' || c > '9') return Bad(key, "is not a time");
    nanoseconds = nanoseconds * 10 + static_cast<uint32_t>(c - '0');
  }
  if (whole.starts_with('-') && nanoseconds != 0) {
    if (seconds == INT64_MIN) return Bad(key, "is out of range");
    --seconds;
    nanoseconds = 1'000'000'000 - nanoseconds;
  }
  records->mtime_seconds = seconds;
  records->mtime_nanoseconds = nanoseconds;
  return absl::OkStatus();
}

absl::Status SetXattr(std::string_view key, std::string_view name, std::string_view value,
                      const Limits& limits, PaxRecords* records) {
  if (name.empty() || name.size() > limits.max_name_length ||
      name.find('\0') != std::string_view::npos) {
    return Bad(key, "is not the name of an extended attribute");
  }
  if (value.size() > limits.max_xattr_size) {
    return absl::ResourceExhaustedError("pax header: an extended attribute is larger than allowed");
  }
  records->xattrs[std::string(name)] = std::string(value);
  if (records->xattrs.size() > limits.max_xattrs) {
    return absl::ResourceExhaustedError("pax header: more extended attributes than allowed");
  }
  return absl::OkStatus();
}

absl::Status Apply(std::string_view key, std::string_view value, const Limits& limits,
                   PaxRecords* records) {
  if (constexpr std::string_view kSparse = "GNU.sparse."; key.starts_with(kSparse)) {
    if (!records->sparse) records->sparse.emplace();
    return records->sparse->Apply(key.substr(kSparse.size()), value, limits);
  }
  if (key == "SCHILY.realsize") {
    return absl::UnimplementedError("pax header: star's sparse files are not supported");
  }
  if (key == "SCHILY.acl.access" || key == "SCHILY.acl.default") {
    ASSIGN_OR_RETURN(std::string acl, AclFromText(value), StrCat("pax header: ", key));
    const char* name =
        key == "SCHILY.acl.access" ? "system.posix_acl_access" : "system.posix_acl_default";
    if (!acl.empty()) records->xattrs[name] = std::move(acl);
    return absl::OkStatus();
  }
  std::string_view xattr = key;
  if (constexpr std::string_view kXattr = "SCHILY.xattr."; xattr.starts_with(kXattr)) {
    xattr.remove_prefix(kXattr.size());
    return SetXattr(key, xattr, value, limits, records);
  }
  if (value.empty()) return absl::OkStatus();  // the header's own field stands
  if (key == "path") return SetText(key, value, &records->path);
  if (key == "linkpath") return SetText(key, value, &records->link_target);
  if (key == "size") return SetNumber(key, value, &records->size);
  if (key == "uid") return SetNumber(key, value, &records->uid);
  if (key == "gid") return SetNumber(key, value, &records->gid);
  if (key == "mtime") return SetTime(key, value, records);
  return absl::OkStatus();
}

}  // namespace

bool PaxRecords::empty() const {
  return !path && !link_target && !size && !uid && !gid && !mtime_seconds && xattrs.empty() &&
         !sparse;
}

absl::StatusOr<PaxRecords> ParsePaxRecords(ByteView body, const Limits& limits) {
  PaxRecords records;
  std::string_view rest = AsText(body);
  while (!rest.empty()) {
    // "<length> <key>=<value>\n", where the length counts the whole record, itself included.
    const size_t space = rest.substr(0, 20).find(' ');
    size_t length = 0;
    if (space == std::string_view::npos || !ParseNumber(rest.substr(0, space), &length) ||
        length < space + 3 || length > rest.size() || rest[length - 1] != '\n') {
      return absl::InvalidArgumentError("pax header: a record has a wrong length");
    }
    const std::string_view record = rest.substr(space + 1, length - space - 2);
    const size_t equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return absl::InvalidArgumentError("pax header: a record is not key=value");
    }
    RETURN_IF_ERROR(Apply(record.substr(0, equals), record.substr(equals + 1), limits, &records));
    rest.remove_prefix(length);
  }
  return records;
}

}  // namespace nacre::image
