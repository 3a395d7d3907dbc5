// A layer's volume while its checks are still to come, and the store's room it takes meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "image-rs-cpp/erofs/volume_tree.h"
#include "image-rs-cpp/store/layer_place.h"
#include "image-rs-cpp/store/layer_volume.h"
#include "image-rs-cpp/store/volume_room.h"

namespace nacre::image {

class VolumePlace : public LayerPlace {
 public:
  // Both outlive the place.
  VolumePlace(LayerVolumes* volumes, VolumeRoom* room);
  // Gives everything back, unless it has been mounted.
  ~VolumePlace() override;

  absl::StatusOr<LayerTree*> Begin() override;

  struct Mounted {
    std::string path;
    std::shared_ptr<LayerVolume> volume;
    uint64_t size = 0;  // of the store's room, which is now the caller's to give back
  };
  // After the tree's Finish().
  absl::StatusOr<Mounted> Mount();

 private:
  class Metered;
  void Discard();

  LayerVolumes* volumes_;
  VolumeRoom* room_;
  std::unique_ptr<LayerVolume> volume_;
  std::unique_ptr<Metered> metered_;
  std::unique_ptr<erofs::VolumeTree> tree_;
};

}  // namespace nacre::image
