// Root filesystems from images that the guest pulls, verifies, decrypts and mounts itself.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "guest-agent/storage/node_cache_source.h"
#include "guest-agent/storage/rootfs.h"
#include "image-rs-cpp/image_puller.h"
#include "image-rs-cpp/image_settings.h"

namespace nacre::guest_agent {

struct ImageRootfsOptions {
  std::string work_dir = "/run/nacre/images";
  image::ImageSettings settings;
  bool node_cache = false;  // ask the node's cache for blobs first, where there is one
};

// Thread-safe.
class ImageRootfs : public RootfsProvider {
 public:
  // `keys` must outlive this.
  ImageRootfs(ImageRootfsOptions options, image::KeyResolver* keys)
      : options_(std::move(options)), keys_(keys) {}

  absl::StatusOr<ImageDefaults> Mount(const grpc::CreateContainerRequest& request,
                                      const std::string& folder,
                                      const std::string& target) override;
  absl::Status Unmount(const std::string& target) override;

 private:
  absl::StatusOr<image::ImagePuller*> Puller();

  const ImageRootfsOptions options_;
  image::KeyResolver* const keys_;
  std::mutex mutex_;
  // Both guarded by mutex_ until they are made.
  std::unique_ptr<NodeCacheSource> node_cache_;
  std::unique_ptr<image::ImagePuller> puller_;
  // By target, guarded by mutex_: the store may remove the layers of no other image.
  std::map<std::string, image::PulledImage> mounted_;
};

}  // namespace nacre::guest_agent
