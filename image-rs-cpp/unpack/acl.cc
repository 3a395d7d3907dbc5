#include "image-rs-cpp/unpack/acl.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "base/bytes.h"
#include "base/strings.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

constexpr uint32_t kVersion = 2;  // POSIX_ACL_XATTR_VERSION
constexpr uint32_t kNoId = 0xffffffff;
constexpr size_t kMaxEntries = 1024;

enum Tag : uint16_t { kUserObj = 1, kUser = 2, kGroupObj = 4, kGroup = 8, kMask = 16, kOther = 32 };

struct Entry {
  uint16_t tag = 0;
  uint16_t permissions = 0;
  uint32_t id = kNoId;
};

absl::Status Bad(std::string_view text) {
  return absl::InvalidArgumentError(StrCat("'", Printable(text, 60), "' is no ACL entry"));
}

absl::StatusOr<uint32_t> Id(const std::vector<std::string_view>& fields) {
  // star adds the number behind the permissions.
  const std::string_view number = fields.size() == 4 ? fields[3] : fields[1];
  uint32_t id = 0;
  if (ParseNumber(number, &id) && id != kNoId) return id;
  if (number == "root") return 0;
  return absl::UnimplementedError(
      StrCat("'", Printable(number, 40), "' is a name; only numbers are supported"));
}

absl::StatusOr<uint16_t> Permissions(std::string_view text, std::string_view entry) {
  if (text.size() != 3) return Bad(entry);
  uint16_t bits = 0;
  for (size_t i = 0; i < 3; ++i) {
    if (text[i] == "rwx"[i]) {
      bits |= static_cast<uint16_t>(4 >> i);
    } else if (text[i] != '-') {
      return Bad(entry);
    }
  }
  return bits;
}

absl::StatusOr<Entry> ParseEntry(std::string_view text) {
  const std::vector<std::string_view> fields = StrSplit(text, ':');
  if (fields.size() != 3 && fields.size() != 4) return Bad(text);
  const bool named = !fields[1].empty();
  Entry entry;
  if (fields[0] == "user" || fields[0] == "u") {
    entry.tag = named ? kUser : kUserObj;
  } else if (fields[0] == "group" || fields[0] == "g") {
    entry.tag = named ? kGroup : kGroupObj;
  } else if ((fields[0] == "mask" || fields[0] == "m") && !named) {
    entry.tag = kMask;
  } else if ((fields[0] == "other" || fields[0] == "o") && !named) {
    entry.tag = kOther;
  } else {
    return Bad(text);
  }
  if (named) {
    ASSIGN_OR_RETURN(entry.id, Id(fields));
  }
  ASSIGN_OR_RETURN(entry.permissions, Permissions(fields[2], text));
  return entry;
}

}  // namespace

absl::StatusOr<std::string> AclFromText(std::string_view text) {
  std::string lines(text);
  std::replace(lines.begin(), lines.end(), '\n', ',');
  std::vector<Entry> entries;
  for (std::string_view part : StrSplit(lines, ',')) {
    part = StripSpace(part.substr(0, part.find('#')));
    if (part.empty()) continue;
    if (entries.size() == kMaxEntries) {
      return absl::ResourceExhaustedError(StrCat("an ACL of more than ", kMaxEntries, " entries"));
    }
    ASSIGN_OR_RETURN(Entry entry, ParseEntry(part));
    entries.push_back(entry);
  }
  if (entries.empty()) return std::string();
  // The kernel wants them in this order.
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.tag, a.id) < std::tie(b.tag, b.id);
  });
  ByteWriter out;
  out.U32Le(kVersion);
  for (const Entry& entry : entries) {
    out.U16Le(entry.tag).U16Le(entry.permissions).U32Le(entry.id);
  }
  return ToString(out.bytes());
}

}  // namespace nacre::image
