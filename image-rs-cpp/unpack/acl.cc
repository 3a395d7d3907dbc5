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

namespace {

// One of each of the nameless ones, named ones behind theirs, a mask where any are named.
absl::Status CheckEntries(const std::vector<Entry>& entries) {
  const auto bad = [](std::string_view why) {
    return absl::InvalidArgumentError(StrCat("an ACL that Linux does not take: ", why));
  };
  uint32_t seen = 0;
  uint16_t before = 0;
  for (const Entry& entry : entries) {
    const bool named = entry.tag == kUser || entry.tag == kGroup;
    const bool known = named || entry.tag == kUserObj || entry.tag == kGroupObj ||
                       entry.tag == kMask || entry.tag == kOther;
    if (!known || entry.permissions > 7 || (named && entry.id == kNoId)) return bad("an entry");
    if (entry.tag < before || (!named && entry.tag == before)) return bad("the entries' order");
    before = entry.tag;
    seen |= entry.tag;
  }
  if ((seen & (kUserObj | kGroupObj | kOther)) != (kUserObj | kGroupObj | kOther)) {
    return bad("owner, group or others are missing");
  }
  if ((seen & (kUser | kGroup)) != 0 && (seen & kMask) == 0) return bad("no mask");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<AclMeaning> ReadAcl(std::string_view value) {
  AclMeaning meaning;
  meaning.empty = value.empty();
  if (meaning.empty) return meaning;
  ByteReader in(AsBytes(value));
  const absl::StatusOr<uint32_t> version = in.U32Le("ACL version");
  if (!version.ok() || *version != kVersion || in.remaining() % 8 != 0) {
    return absl::InvalidArgumentError("an ACL that Linux does not take: its header or its size");
  }
  std::vector<Entry> entries;
  while (!in.done()) {
    Entry& entry = entries.emplace_back();
    ASSIGN_OR_RETURN(entry.tag, in.U16Le("tag"));
    ASSIGN_OR_RETURN(entry.permissions, in.U16Le("permissions"));
    ASSIGN_OR_RETURN(entry.id, in.U32Le("id"));
  }
  meaning.empty = entries.empty();
  if (meaning.empty) return meaning;
  RETURN_IF_ERROR(CheckEntries(entries));
  meaning.only_mode = entries.size() == 3;
  for (const Entry& entry : entries) {
    const uint16_t bits = entry.permissions;
    if (entry.tag == kUserObj) meaning.mode |= static_cast<uint16_t>(bits << 6);
    if (entry.tag == kOther) meaning.mode |= bits;
    // The mask, which comes later, takes the group's place.
    if (entry.tag == kGroupObj || entry.tag == kMask) {
      meaning.mode = static_cast<uint16_t>((meaning.mode & ~070u) | bits << 3);
    }
  }
  return meaning;
}

}  // namespace nacre::image
