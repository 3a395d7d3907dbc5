// Turns the user an image names ("www-data", "1000", "app:staff") into numbers, by the image's own
// /etc/passwd and /etc/group. Those files come from a layer: they are opened without leaving the
// root filesystem, capped, and read line by line with malformed lines skipped, as libc does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace nacre::guest_agent {

struct ContainerUser {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> additional_gids;  // ascending, without repetition
  bool operator==(const ContainerUser&) const = default;
};

struct AccountFiles {
  std::string passwd;
  std::string group;
};

// A missing file reads as empty. kResourceExhausted past kMaxAccountFile, kInvalidArgument for
// something that is not a regular file.
absl::StatusOr<AccountFiles> ReadAccountFiles(const std::string& rootfs);

// `name` as the image config's "User": "", "user", "uid", "user:group" with either part numeric.
// An empty user is root. Without a group: the user's own from passwd (0 when it has no entry) and
// the groups that list the user as a member. kNotFound for a name no file knows, kInvalidArgument
// for a number that is no id.
absl::StatusOr<ContainerUser> ResolveUser(std::string_view name, const AccountFiles& files);

}  // namespace nacre::guest_agent
