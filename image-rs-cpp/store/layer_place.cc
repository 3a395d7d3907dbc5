#include "image-rs-cpp/store/layer_place.h"

#include "base/file.h"
#include "image-rs-cpp/unpack/folder_tree.h"

namespace nacre::image {

absl::StatusOr<std::unique_ptr<StagingPlace>> StagingPlace::Create(std::string folder) {
  RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  return std::unique_ptr<StagingPlace>(new StagingPlace(std::move(folder)));
}

absl::StatusOr<LayerTree*> StagingPlace::Begin() {
  if (tree_ != nullptr) {
    tree_.reset();
    RETURN_IF_ERROR(RemoveTree(folder_));
    RETURN_IF_ERROR(MakeDirectories(folder_, 0700));
  }
  ASSIGN_OR_RETURN(tree_, FolderTree::Create(folder_));
  return tree_.get();
}

}  // namespace nacre::image
