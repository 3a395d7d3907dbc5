// Turns the user an image names ("www-data", "1000", "app:staff") into numbers, by the image's own
// /etc/passwd and /etc/group, read line by line with malformed lines skipped, as libc does. The
// guest does it for what it runs, the generator of policies for what will be allowed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace nacre::image {

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

// `name` as the image config's "User": "", "user", "uid", "user:group" with either part numeric.
// An empty user is root. Without a group: the user's own from passwd (0 when it has no entry) and
// the groups that list the user as a member. kNotFound for a name no file knows, kInvalidArgument
// for a number that is no id.
absl::StatusOr<ContainerUser> ResolveUser(std::string_view name, const AccountFiles& files);

}  // namespace nacre::image
