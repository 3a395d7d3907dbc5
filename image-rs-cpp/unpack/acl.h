// POSIX access control lists as `tar --acls` and star write them ("user::rwx,user:1000:r--,...";
// acl(5), "ACL TEXT FORMS"), in the form of the kernel's extended attribute.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace nacre::image {

// The value of system.posix_acl_access or system.posix_acl_default; empty for an empty list.
// kInvalidArgument for text that is no list; kUnimplemented for users and groups by a name without
// a number (which number it is, only the image's own /etc/passwd knows), except root.
absl::StatusOr<std::string> AclFromText(std::string_view text);

}  // namespace nacre::image
