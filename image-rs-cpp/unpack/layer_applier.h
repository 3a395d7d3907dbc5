// Applies the tar of one layer to an empty tree, in the shape overlayfs wants of a lower layer:
// whiteout files become character devices 0:0, opaque markers the xattr trusted.overlay.opaque
// (OCI image spec, layer.md; kernel Documentation/filesystems/overlayfs.rst). Owner, mode, times,
// xattrs, ACLs and holes are kept.
//
// Refused: paths that are absolute or hold "..", paths over a symbolic link of the same layer, hard
// links to what this layer deletes, character device 0:0 and overlayfs's own xattrs (an archive has
// no business giving overlay orders other than whiteouts).
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/unpack/budget.h"
#include "image-rs-cpp/unpack/entry_path.h"
#include "image-rs-cpp/unpack/layer_tree.h"
#include "image-rs-cpp/unpack/tar_entry.h"

namespace nacre::image {

// What else there is to know about an unpacked layer.
struct LayerFacts {
  // Folders the archive used without naming them. They were made 0755 root:root; in an image they
  // take the attributes of the same folder in a lower layer (see store/compose.h).
  std::set<std::string> implicit_folders;  // "" is the root
  // Hard links to files that are not in this layer: path to target, both canonical. A whiteout
  // stands in their place until the layers below are known (see store/compose.h).
  std::map<std::string, std::string> outside_links;
  uint64_t entries = 0;
  uint64_t bytes = 0;  // of file content
};

class LayerApplier : public TarSink {
 public:
  // `tree` is empty, and its calls come from whoever calls the applier. `budget` is drawn from per
  // entry. All three outlive the applier.
  LayerApplier(LayerTree* tree, const Limits& limits, UnpackBudget* budget);

  absl::Status BeginEntry(const TarEntry& entry) override;
  absl::Status EntryData(ByteView data) override;
  absl::Status EntryHole(uint64_t size) override;
  absl::Status EndEntry() override;

  // After the last entry: finishes the tree too.
  absl::StatusOr<LayerFacts> Finish();

  uint64_t entries() const { return facts_.entries; }
  uint64_t content() const { return facts_.bytes; }

 private:
  absl::Status Apply(const TarEntry& entry);
  absl::Status ApplyWhiteout(const SplitPath& place);
  absl::Status ApplyFolder(const TarEntry& entry, const std::string& path, const SplitPath& place);
  absl::Status ApplyHardLink(const TarEntry& entry, const std::string& path,
                             const SplitPath& place);
  absl::Status LinkOutside(const std::string& path, std::string target, const SplitPath& place);
  absl::Status CheckNotHidden(const std::string& path) const;
  absl::Status ApplyFile(const TarEntry& entry, const SplitPath& place);
  absl::Status ApplyNode(const TarEntry& entry, const SplitPath& place);
  absl::Status CheckNode(const TarEntry& entry);
  absl::Status CheckFiller() const;

  // Makes `parent` the tree's current folder. Missing folders are made; so are those where this
  // layer's whiteout stands in the way, unless the entry is a whiteout itself.
  enum class InTheWay { kReplaceWhiteout, kRefuse };
  absl::Status OpenParent(const std::string& parent, InTheWay in_the_way);
  absl::Status Enter(const std::string& name);
  absl::Status MakeFolder(const std::string& name, InTheWay in_the_way);
  absl::Status RememberImplicit(const std::string& path);
  // Clears the way in the current folder for a new entry that is not a folder.
  absl::Status RemoveExisting(const SplitPath& place);

  LayerTree* tree_;
  const Limits* limits_;
  UnpackBudget* budget_;
  LayerFacts facts_;
  uint32_t device_nodes_ = 0;
  size_t implicit_size_ = 0;

  std::string path_;                // of the tree's current folder
  std::vector<size_t> path_sizes_;  // of each folder above it

  const TarEntry* current_ = nullptr;
  bool in_file_ = false;
};

}  // namespace nacre::image
