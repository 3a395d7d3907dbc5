// A layer's entries into an EROFS image on a volume: content at once, all else in memory until the
// end.
//
// No kernel confines paths here, and none has to: a name is looked up in the layer's own tree of
// names and nowhere else, links are not followed, and there is nothing outside to be reached. What
// a kernel would refuse of a file's attributes is refused here too, because the one that mounts the
// image believes what it finds in it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "image-rs-cpp/erofs/file_content.h"
#include "image-rs-cpp/erofs/image_tree.h"
#include "image-rs-cpp/erofs/volume_writer.h"
#include "image-rs-cpp/unpack/layer_tree.h"

namespace nacre::image::erofs {

class VolumeTree : public LayerTree {
 public:
  // `volume` is new, and outlives the tree.
  explicit VolumeTree(LayerVolume* volume, uint64_t max_memory = ImageTree::kMaxMemory);

  absl::Status Enter(const std::string& name) override;
  absl::Status Leave() override;
  absl::StatusOr<Found> Look(const std::string& name) override;
  absl::StatusOr<bool> MakeFolder(const TarEntry& entry, const std::string& name) override;
  absl::Status MakeStandIn(const std::string& name) override;
  absl::Status SetFolderAttributes(const TarEntry& entry, bool is_new) override;
  absl::Status MakeOpaque() override;
  absl::StatusOr<bool> MakeWhiteout(const std::string& name) override;
  absl::StatusOr<bool> MakeNode(const TarEntry& entry, const std::string& name) override;
  absl::StatusOr<bool> Remove(const SplitPath& place) override;
  absl::StatusOr<bool> BeginFile(const TarEntry& entry, const std::string& name) override;
  absl::Status FileData(ByteView data) override { return content_.Data(data); }
  absl::Status FileHole(uint64_t size) override { return content_.Hole(size); }
  absl::Status EndFile() override;
  absl::StatusOr<Found> FindLinkTarget(const SplitPath& target, bool here) override;
  absl::StatusOr<bool> LinkFound(const std::string& name) override;
  absl::StatusOr<bool> IsOpaque(const std::string& path) override;
  // Writes the rest of the image.
  absl::Status Finish() override;
  uint64_t filler() const override { return content_.filler(); }

  // Of the image, after Finish().
  const VerityRoot& root() const { return root_; }

 private:
  InodeId here() const { return folders_.back(); }
  Found KindOf(InodeId id) const;
  absl::StatusOr<InodeId> FolderAt(const std::string& path) const;
  absl::StatusOr<InodeId> FolderIn(InodeId folder, std::string_view name,
                                   std::string_view shown) const;
  absl::StatusOr<InodeId> Add(const std::string& name, Inode inode);

  VolumeWriter out_;
  FileContent content_;
  ImageTree tree_;
  std::vector<InodeId> folders_ = {kRoot};  // the current one and those above it
  const int64_t now_;
  InodeId file_ = kNoInode;
  InodeId found_ = kNoInode;
  VerityRoot root_;
};

}  // namespace nacre::image::erofs
