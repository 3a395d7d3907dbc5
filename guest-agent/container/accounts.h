// The account files of an image, for image::ResolveUser. They come from a layer: they are opened
// without leaving the root filesystem, and capped.
#pragma once

#include <string>

#include "base/status.h"
#include "image-rs-cpp/accounts.h"

namespace nacre::guest_agent {

using image::AccountFiles;
using image::ContainerUser;
using image::ResolveUser;

// A missing file reads as empty. kResourceExhausted past kMaxAccountFile, kInvalidArgument for
// something that is not a regular file.
absl::StatusOr<AccountFiles> ReadAccountFiles(const std::string& rootfs);

}  // namespace nacre::guest_agent
