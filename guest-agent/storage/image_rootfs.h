// Root filesystems from images that the guest pulls, verifies, decrypts and mounts itself.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "guest-agent/storage/disk_volumes.h"
#include "guest-agent/storage/node_cache_source.h"
#include "guest-agent/storage/rootfs.h"
#include "guest-agent/storage/storage_settings.h"
#include "image-rs-cpp/image_puller.h"
#include "image-rs-cpp/image_settings.h"

namespace nacre::guest_agent {

struct ImageRootfsOptions {
  std::string work_dir = "/run/nacre/images";      // with storage in memory
  std::string scratch_dir = "/run/nacre/scratch";  // where an encrypted disk is mounted
  std::string volumes_dir = "/run/nacre/v";        // where layers are, if each is a volume
  image::ImageSettings settings;
  StorageSettings storage;
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
  absl::Status PrepareDisk();
  // Where the container whose own folder is `folder` keeps what it writes: beside its image.
  std::string WritableFolder(const std::string& folder) const;

  const ImageRootfsOptions options_;
  image::KeyResolver* const keys_;
  std::mutex mutex_;
  std::optional<absl::Status> disk_;  // guarded by mutex_: what came of preparing it
  // All guarded by mutex_ until they are made.
  std::unique_ptr<DiskVolumes> volumes_;
  std::unique_ptr<NodeCacheSource> node_cache_;
  std::unique_ptr<image::ImagePuller> puller_;
  // By target, guarded by mutex_: the store may remove the layers of no other image.
  std::map<std::string, image::PulledImage> mounted_;
};

}  // namespace nacre::guest_agent
