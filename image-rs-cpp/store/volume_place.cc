#include "image-rs-cpp/store/volume_place.h"

#include <utility>

namespace nacre::image {

// Takes room from the store for what is written. Where the blocks' owner has less of it than he
// said (he may give it out in larger pieces), layers that nobody uses make way all the same.
class VolumePlace::Metered : public LayerVolume {
 public:
  Metered(LayerVolume* volume, VolumeRoom* room) : volume_(volume), room_(room) {}
  ~Metered() override { room_->Give(size_); }

  absl::Status Write(VolumePart part, uint64_t block, ByteView blocks) override {
    RETURN_IF_ERROR(room_->Take(blocks.size()));
    size_ += blocks.size();
    while (true) {
      absl::Status written = volume_->Write(part, block, blocks);
      if (!absl::IsResourceExhausted(written) || !room_->RemoveOne()) return written;
    }
  }
  absl::StatusOr<std::string> Mount(const VerityRoot& root) override {
    return volume_->Mount(root);
  }
  // From now on the room is somebody else's to give back.
  uint64_t Release() { return std::exchange(size_, 0); }

 private:
  LayerVolume* volume_;
  VolumeRoom* room_;
  uint64_t size_ = 0;
};

VolumePlace::VolumePlace(LayerVolumes* volumes, VolumeRoom* room)
    : volumes_(volumes), room_(room) {}
VolumePlace::~VolumePlace() { Discard(); }

void VolumePlace::Discard() {
  tree_.reset();
  volume_.reset();
  metered_.reset();
}

absl::StatusOr<LayerTree*> VolumePlace::Begin() {
  Discard();
  ASSIGN_OR_RETURN(volume_, volumes_->New(), "a volume for a layer");
  metered_ = std::make_unique<Metered>(volume_.get(), room_);
  tree_ = std::make_unique<erofs::VolumeTree>(metered_.get());
  return tree_.get();
}

absl::StatusOr<VolumePlace::Mounted> VolumePlace::Mount() {
  if (tree_ == nullptr) return absl::InternalError("nothing was unpacked into the layer's volume");
  Mounted mounted;
  ASSIGN_OR_RETURN(mounted.path, volume_->Mount(tree_->root()), "the layer's volume");
  tree_.reset();
  mounted.size = metered_->Release();
  mounted.volume = std::move(volume_);
  return mounted;
}

}  // namespace nacre::image
