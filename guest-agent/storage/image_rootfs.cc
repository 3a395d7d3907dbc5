#include "guest-agent/storage/image_rootfs.h"

#include "base/file.h"
#include "base/strings.h"
#include "guest-agent/service/timeline.h"
#include "guest-agent/storage/scratch_disk.h"
#include "image-rs-cpp/store/rootfs.h"

namespace nacre::guest_agent {

absl::Status ImageRootfs::PrepareDisk() {
  switch (options_.storage.images) {
    case ImageStorage::kMemory:
      return absl::OkStatus();
    case ImageStorage::kEncryptedDisk:
      return MountScratchDisk(options_.storage, options_.scratch_dir);
    case ImageStorage::kErofsVerity:
      ASSIGN_OR_RETURN(volumes_, DiskVolumes::Create(options_.storage, options_.volumes_dir));
      return absl::OkStatus();
  }
  return absl::InternalError("no such storage of images");
}

absl::StatusOr<image::ImagePuller*> ImageRootfs::Puller() {
  const std::lock_guard lock(mutex_);
  if (puller_ == nullptr) {
    if (!disk_) {  // once: what failed before would fail again, over devices that are there
      disk_ = PrepareDisk();
      if (options_.storage.images != ImageStorage::kMemory && disk_->ok())
        LogTimeline("scratch_ready");
    }
    RETURN_IF_ERROR(*disk_);
    const bool on_disk = options_.storage.images == ImageStorage::kEncryptedDisk;
    image::ImagePullerOptions options;
    options.work_dir = on_disk ? options_.scratch_dir + "/images" : options_.work_dir;
    options.store.volumes = volumes_.get();
    options.key_resolver = keys_;
    RETURN_IF_ERROR(image::LoadImageSettings(options_.settings, image::Documents(keys_), &options));
    if (options_.node_cache && node_cache_ == nullptr) {
      auto cache = NodeCacheSource::Open();
      if (cache.ok()) node_cache_ = *std::move(cache);  // else this node has none
    }
    if (node_cache_ != nullptr) options.blob_sources = {node_cache_.get()};
    ASSIGN_OR_RETURN(puller_, image::ImagePuller::Create(std::move(options)));
  }
  return puller_.get();
}

std::string ImageRootfs::WritableFolder(const std::string& folder) const {
  if (options_.storage.images != ImageStorage::kEncryptedDisk) return folder;
  return StrCat(options_.scratch_dir, "/containers/", folder.substr(folder.rfind('/') + 1));
}

absl::StatusOr<ImageDefaults> ImageRootfs::Mount(const grpc::CreateContainerRequest& request,
                                                 const std::string& folder,
                                                 const std::string& target) {
  ASSIGN_OR_RETURN(const std::string reference, ImageReferenceOf(request));
  ASSIGN_OR_RETURN(image::ImagePuller * puller, Puller());
  ASSIGN_OR_RETURN(image::PulledImage image, puller->Pull(reference));
  const std::string own = WritableFolder(folder);
  RETURN_IF_ERROR(image::MountRootfs(image, {own + "/upper", own + "/work", target}));
  LogTimeline("image_ready");
  ImageDefaults defaults;
  defaults.entrypoint = image.config.entrypoint;
  defaults.command = image.config.cmd;
  defaults.environment = image.config.env;
  defaults.working_directory = image.config.working_dir;
  defaults.user = image.config.user;
  const std::lock_guard lock(mutex_);
  mounted_.insert_or_assign(target, std::move(image));
  return defaults;
}

absl::Status ImageRootfs::Unmount(const std::string& target) {
  RETURN_IF_ERROR(image::UnmountRootfs(target));
  {
    const std::lock_guard lock(mutex_);
    mounted_.erase(target);
  }
  // Elsewhere it lies in the container's own folder.
  if (options_.storage.images != ImageStorage::kEncryptedDisk) return absl::OkStatus();
  return RemoveTree(WritableFolder(target.substr(0, target.rfind('/'))));
}

}  // namespace nacre::guest_agent
