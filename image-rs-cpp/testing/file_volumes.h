// Volumes for layers in files of a folder, for tests: strict about how they are written, and
// checked by other people's programs (veritysetup, fsck.erofs) before the kernel mounts them.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "image-rs-cpp/store/layer_volume.h"

namespace nacre::image::testing {

// Gives the calling process a mount namespace of its own, once, so that no mount outlives it.
absl::Status HidesMounts();

// Why EROFS images in files cannot be mounted and checked here; empty when they can. As root only.
std::string WhyNoVolumes();

class FileVolumes : public LayerVolumes {
 public:
  // `folder` exists and is empty, and is there as long as any volume. Every volume has <folder>/<n>
  // with the files "data", "leaf" and "inner", and is mounted at <folder>/at/<n>.
  FileVolumes(std::string folder, uint64_t capacity);

  absl::StatusOr<std::unique_ptr<LayerVolume>> New() override;
  uint64_t capacity() const override { return state_->capacity; }

  // Bytes written to volumes that are still there, and how many of those there are.
  uint64_t used() const;
  size_t count() const;
  // Without veritysetup and fsck.erofs, where there is much else to do.
  void SkipTools() { state_->tools = false; }
  // From now on nothing more can be mounted.
  void FailMounts() { state_->fail_mounts = true; }

  struct State {
    std::string folder;
    uint64_t capacity = 0;
    bool tools = true;
    bool fail_mounts = false;
    mutable std::mutex mutex;
    uint64_t next = 0;
    uint64_t used = 0;
    size_t count = 0;
  };

 private:
  std::shared_ptr<State> state_;
};

// Runs both programs on a volume's files in `folder`: what they say is wrong, or OK.
absl::Status CheckVolumeFiles(const std::string& folder, const VerityRoot& root);

}  // namespace nacre::image::testing
