#include "guest-agent/storage/image_rootfs.h"

#include "guest-agent/service/timeline.h"
#include "image-rs-cpp/store/rootfs.h"

namespace nacre::guest_agent {

absl::StatusOr<image::ImagePuller*> ImageRootfs::Puller() {
  const std::lock_guard lock(mutex_);
  if (puller_ == nullptr) {
    image::ImagePullerOptions options;
    options.work_dir = options_.work_dir;
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

absl::StatusOr<ImageDefaults> ImageRootfs::Mount(const grpc::CreateContainerRequest& request,
                                                 const std::string& folder,
                                                 const std::string& target) {
  ASSIGN_OR_RETURN(const std::string reference, ImageReferenceOf(request));
  ASSIGN_OR_RETURN(image::ImagePuller * puller, Puller());
  ASSIGN_OR_RETURN(image::PulledImage image, puller->Pull(reference));
  RETURN_IF_ERROR(image::MountRootfs(image, {folder + "/upper", folder + "/work", target}));
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
  const std::lock_guard lock(mutex_);
  mounted_.erase(target);
  return absl::OkStatus();
}

}  // namespace nacre::guest_agent
