#include "image-rs-cpp/accounts.h"

#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "base/strings.h"

namespace nacre::image {
namespace {

// Every id but the last, which chown(2) and setgroups(2) read as "no change".
std::optional<uint32_t> ParseId(std::string_view text) {
  uint32_t id = 0;
  const bool digits = !text.empty() && std::ranges::all_of(text, absl::ascii_isdigit);
  if (!digits || !ParseNumber(text, &id) || id == UINT32_MAX) return std::nullopt;
  return id;
}

bool LooksNumeric(std::string_view text) { return std::ranges::all_of(text, absl::ascii_isdigit); }

struct PasswdEntry {
  std::string_view name;
  uint32_t uid;
  uint32_t gid;
};

// First line whose name is `wanted`, or whose uid is, when `wanted` is a number.
std::optional<PasswdEntry> FindUser(std::string_view passwd, std::string_view wanted) {
  const std::optional<uint32_t> wanted_id = ParseId(wanted);
  for (const std::string_view line : StrSplit(passwd, '\n')) {
    const std::vector<std::string_view> fields = StrSplit(line, ':');
    if (fields.size() < 4 || fields[0].empty()) continue;
    const auto uid = ParseId(fields[2]);
    const auto gid = ParseId(fields[3]);
    if (!uid || !gid) continue;
    if (fields[0] == wanted || (wanted_id && *uid == *wanted_id))
      return PasswdEntry{fields[0], *uid, *gid};
  }
  return std::nullopt;
}

// Calls `visit(name, gid, members)` for each well-formed line until it returns true.
template <typename Visit>
void VisitGroups(std::string_view group, Visit visit) {
  for (const std::string_view line : StrSplit(group, '\n')) {
    const std::vector<std::string_view> fields = StrSplit(line, ':');
    if (fields.size() < 4 || fields[0].empty()) continue;
    const auto gid = ParseId(fields[2]);
    if (gid && visit(fields[0], *gid, fields[3])) return;
  }
}

absl::StatusOr<uint32_t> FindGroup(std::string_view group, std::string_view wanted) {
  std::optional<uint32_t> found;
  VisitGroups(group, [&](std::string_view name, uint32_t gid, std::string_view) {
    if (name == wanted) found = gid;
    return found.has_value();
  });
  if (!found) found = ParseId(wanted);
  if (found) return *found;
  if (LooksNumeric(wanted)) return absl::InvalidArgumentError("group of the image is no valid id");
  return absl::NotFoundError("group of the image is not in its /etc/group");
}

std::vector<uint32_t> GroupsOfMember(std::string_view group, std::string_view user) {
  std::set<uint32_t> gids;
  VisitGroups(group, [&](std::string_view, uint32_t gid, std::string_view members) {
    const std::vector<std::string_view> names = StrSplit(members, ',');
    if (std::ranges::find(names, user) != names.end()) gids.insert(gid);
    return false;
  });
  return {gids.begin(), gids.end()};
}

}  // namespace

absl::StatusOr<ContainerUser> ResolveUser(std::string_view name, const AccountFiles& files) {
  const size_t colon = name.find(':');
  const std::string_view user_part = name.substr(0, colon);
  const std::string_view user = user_part.empty() ? "0" : user_part;
  ContainerUser out;
  const auto entry = FindUser(files.passwd, user);
  const auto id = ParseId(user);
  if (!entry && !id) {
    if (LooksNumeric(user)) return absl::InvalidArgumentError("user of the image is no valid id");
    return absl::NotFoundError("user of the image is not in its /etc/passwd");
  }
  out.uid = entry ? entry->uid : *id;
  out.gid = entry ? entry->gid : 0;
  if (colon == name.npos || colon + 1 == name.size()) {
    if (entry) out.additional_gids = GroupsOfMember(files.group, entry->name);
    return out;
  }
  ASSIGN_OR_RETURN(out.gid, FindGroup(files.group, name.substr(colon + 1)));
  return out;
}

}  // namespace nacre::image
