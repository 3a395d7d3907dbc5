// Applies the tar of one layer to an empty folder, in the shape overlayfs wants of a lower layer:
// whiteout files become character devices 0:0, opaque markers the xattr trusted.overlay.opaque
// (OCI image spec, layer.md; kernel Documentation/filesystems/overlayfs.rst). Owner, mode, times
// and xattrs are kept. Needs the right to make device nodes and to change owners.
//
// Refused: paths that are absolute or hold "..", paths over a symbolic link of the same layer, hard
// links to files outside the layer, character device 0:0 and overlayfs's own xattrs (an archive has
// no business giving overlay orders other than whiteouts).
#pragma once

#include <ctime>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/unpack/budget.h"
#include "image-rs-cpp/unpack/confined_folder.h"
#include "image-rs-cpp/unpack/entry_path.h"
#include "image-rs-cpp/unpack/tar_entry.h"

namespace nacre::image {

// What else there is to know about an unpacked layer.
struct LayerFacts {
  // Folders the archive used without naming them. They were made 0755 root:root; in an image they
  // take the attributes of the same folder in a lower layer (see store/compose.h).
  std::set<std::string> implicit_folders;  // "" is the root
  uint64_t entries = 0;
};

class LayerApplier : public TarSink {
 public:
  // `folder` exists and is empty. `budget` is drawn from per entry and outlives the applier.
  static absl::StatusOr<LayerApplier> Create(const std::string& folder, const Limits& limits,
                                             UnpackBudget* budget);

  absl::Status BeginEntry(const TarEntry& entry) override;
  absl::Status EntryData(ByteView data) override;
  absl::Status EndEntry() override;

  // After the last entry: the times of folders, which each entry inside them had changed.
  absl::StatusOr<LayerFacts> Finish();

  uint64_t entries() const { return facts_.entries; }

 private:
  LayerApplier(ConfinedFolder root, const Limits& limits, UnpackBudget* budget)
      : root_(std::move(root)), limits_(&limits), budget_(budget) {
    facts_.implicit_folders.insert("");
  }

  absl::Status Apply(const TarEntry& entry);
  absl::Status ApplyWhiteout(const SplitPath& place);
  absl::Status ApplyFolder(const TarEntry& entry, const std::string& path, const SplitPath& place);
  absl::Status ApplyHardLink(const TarEntry& entry, const SplitPath& place);
  absl::Status ApplyFile(const SplitPath& place);
  absl::Status ApplyNode(const TarEntry& entry, const SplitPath& place);

  absl::StatusOr<int> OpenParent(const std::string& parent);
  absl::StatusOr<UniqueFd> MakeFolders(const std::string& path);
  // Clears the way for a new entry that is not a folder.
  absl::Status RemoveExisting(int parent, const SplitPath& place);
  absl::Status SetFolderAttributes(const TarEntry& entry, const std::string& path);
  absl::Status SetNodeAttributes(const TarEntry& entry, int parent, const std::string& name);
  absl::Status SetOpaque(const std::string& path);

  ConfinedFolder root_;
  const Limits* limits_;
  UnpackBudget* budget_;
  LayerFacts facts_;
  uint32_t device_nodes_ = 0;
  std::vector<std::pair<std::string, timespec>> folder_times_;

  // Most entries live beside the one before.
  std::string parent_path_;
  UniqueFd parent_fd_;

  TarEntry current_;
  UniqueFd file_;  // open between BeginEntry and EndEntry of a file
};

}  // namespace nacre::image
