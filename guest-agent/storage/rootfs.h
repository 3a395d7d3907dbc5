// Where a container's root filesystem comes from. The agent knows one way: it pulls the image
// itself (storage/image_rootfs.h); tests bring folders.
#pragma once

#include <string>

#include "api/agent.pb.h"
#include "base/status.h"
#include "guest-agent/container/merge.h"

namespace nacre::guest_agent {

class RootfsProvider {
 public:
  virtual ~RootfsProvider() = default;
  // Makes the root filesystem that `request` describes appear at `target`, an existing empty folder
  // below `folder`, which belongs to this container. On failure nothing stays mounted.
  virtual absl::StatusOr<ImageDefaults> Mount(const grpc::CreateContainerRequest& request,
                                              const std::string& folder,
                                              const std::string& target) = 0;
  virtual absl::Status Unmount(const std::string& target) = 0;
};

// The one image reference in `storages`. kInvalidArgument for none, several, an empty reference or
// a mount point that is not absolute; kUnimplemented for any other driver, which is named.
absl::StatusOr<std::string> ImageReferenceOf(const grpc::CreateContainerRequest& request);

}  // namespace nacre::guest_agent
