#include "guest-agent/storage/rootfs.h"

#include "base/strings.h"

namespace nacre::guest_agent {

absl::StatusOr<std::string> ImageReferenceOf(const grpc::CreateContainerRequest& request) {
  const grpc::Storage* image = nullptr;
  for (int i = 0; i < request.storages_size(); ++i) {
    const grpc::Storage& storage = request.storages(i);
    if (storage.driver() != "image_guest_pull")
      return absl::UnimplementedError(StrCat("storages[", i, "]: driver '", storage.driver(),
                                             "' is not known; image_guest_pull is"));
    if (image != nullptr)
      return absl::InvalidArgumentError(StrCat("storages[", i, "]: a second image"));
    if (!storage.mount_point().empty() && !storage.mount_point().starts_with('/'))
      return absl::InvalidArgumentError(
          StrCat("storages[", i, "]: mount_point is not an absolute path"));
    image = &storage;
  }
  if (image == nullptr)
    return absl::InvalidArgumentError("storages: no image_guest_pull entry names the image");
  if (image->source().empty())
    return absl::InvalidArgumentError("storages: the image reference is empty");
  return image->source();
}

}  // namespace nacre::guest_agent
