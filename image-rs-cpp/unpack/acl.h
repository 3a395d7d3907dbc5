// POSIX access control lists as `tar --acls` and star write them ("user::rwx,user:1000:r--,...";
// acl(5), "ACL TEXT FORMS"), in the form of the kernel's extended attribute.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace nacre::image {

// The value of system.posix_acl_access or system.posix_acl_default; empty for an empty list.
// kInvalidArgument for text that is no list; kUnimplemented for users and groups by a name without
// a number (which number it is, only the image's own /etc/passwd knows), except root.
absl::StatusOr<std::string> AclFromText(std::string_view text);

// What such a value means to Linux as a file's access ACL.
struct AclMeaning {
  bool empty = false;      // the same as none
  bool only_mode = false;  // nothing but the three entries that are the file's mode
  uint16_t mode = 0;       // the mode's nine bits with this ACL
};
// kInvalidArgument for what Linux refuses (linux/posix_acl.h; entries in the order of acl(5)).
absl::StatusOr<AclMeaning> ReadAcl(std::string_view value);

}  // namespace nacre::image
