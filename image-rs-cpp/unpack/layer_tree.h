// Where the entries of one layer go: a folder (folder_tree.h) or a volume (erofs/volume_tree.h).
// What a layer means is LayerApplier's to say, of both in the same words; a tree does the single
// steps. It has a current folder, the root at first, in which new names are made.
//
// Steps that make something return false when the name is taken, and have changed nothing then.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/unpack/entry_path.h"
#include "image-rs-cpp/unpack/tar_entry.h"

namespace nacre::image {

enum class Found { kNothing, kFolder, kWhiteout, kOther };

class LayerTree {
 public:
  virtual ~LayerTree() = default;

  // Makes a folder of the current one the current one. kNotFound, or OverALink and NotAFolder
  // (entry_path.h).
  virtual absl::Status Enter(const std::string& name) = 0;
  // Back to the folder above; never called in the root.
  virtual absl::Status Leave() = 0;
  virtual absl::StatusOr<Found> Look(const std::string& name) = 0;

  // Not entered, and without the entry's attributes so far.
  virtual absl::StatusOr<bool> MakeFolder(const TarEntry& entry, const std::string& name) = 0;
  // One that no entry names (the name is free): 0755 of root, and entered.
  virtual absl::Status MakeStandIn(const std::string& name) = 0;
  // Of the current folder, which MakeFolder has just made, or which was there before. Extended
  // attributes it has already stay, its ACLs do not.
  virtual absl::Status SetFolderAttributes(const TarEntry& entry, bool is_new) = 0;
  // The current folder hides what lower layers have in it.
  virtual absl::Status MakeOpaque() = 0;

  virtual absl::StatusOr<bool> MakeWhiteout(const std::string& name) = 0;
  // Symbolic links, devices and fifos, with all attributes.
  virtual absl::StatusOr<bool> MakeNode(const TarEntry& entry, const std::string& name) = 0;
  // `place` is in the current folder. True when it was a folder, which goes with all it holds;
  // nothing there is no error.
  virtual absl::StatusOr<bool> Remove(const SplitPath& place) = 0;

  // A file; its attributes are set in the end. `entry` is valid until then.
  virtual absl::StatusOr<bool> BeginFile(const TarEntry& entry, const std::string& name) = 0;
  virtual absl::Status FileData(ByteView data) = 0;
  virtual absl::Status FileHole(uint64_t size) = 0;
  virtual absl::Status EndFile() = 0;

  // What a hard link to this path from the root would lead to; remembered for LinkFound. `here`:
  // its folder is the current one. kNotFound when the way there is missing, or as Enter.
  virtual absl::StatusOr<Found> FindLinkTarget(const SplitPath& target, bool here) = 0;
  // Another name, in the current folder, of what was found; true also when it is that already.
  virtual absl::StatusOr<bool> LinkFound(const std::string& name) = 0;
  // Errors as FindLinkTarget's.
  virtual absl::StatusOr<bool> IsOpaque(const std::string& path) = 0;

  // After the last step, wherever the current folder is. Whatever checks the layer must pass have
  // passed.
  virtual absl::Status Finish() = 0;
  // Bytes written that neither the archive nor its entries account for.
  virtual uint64_t filler() const { return 0; }
};

}  // namespace nacre::image
