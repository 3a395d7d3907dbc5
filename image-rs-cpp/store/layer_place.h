// Where one layer goes while its checks are still to come: a staging folder, or a volume that is
// not mounted yet.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "image-rs-cpp/unpack/layer_tree.h"

namespace nacre::image {

class LayerPlace {
 public:
  virtual ~LayerPlace() = default;
  // An empty tree for the layer, which stays the place's own. What went into an earlier one is
  // thrown away.
  virtual absl::StatusOr<LayerTree*> Begin() = 0;
  // Where the tree is if it is one of files; it is there before Begin() too.
  virtual std::string folder() const { return ""; }
};

class StagingPlace : public LayerPlace {
 public:
  // Makes the folder.
  static absl::StatusOr<std::unique_ptr<StagingPlace>> Create(std::string folder);

  absl::StatusOr<LayerTree*> Begin() override;
  std::string folder() const override { return folder_; }

 private:
  explicit StagingPlace(std::string folder) : folder_(std::move(folder)) {}

  const std::string folder_;
  std::unique_ptr<LayerTree> tree_;
};

}  // namespace nacre::image
