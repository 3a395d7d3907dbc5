// Applies the tar of one layer to an empty folder, in the shape overlayfs wants of a lower layer:
// whiteout files become character devices 0:0, opaque markers the xattr trusted.overlay.opaque
// (OCI image spec, layer.md; kernel Documentation/filesystems/overlayfs.rst). Owner, mode, times,
// xattrs, ACLs and holes are kept. Needs the right to make device nodes and to change owners.
//
// Refused: paths that are absolute or hold "..", paths over a symbolic link of the same layer, hard
// links to what this layer deletes, character device 0:0 and overlayfs's own xattrs (an archive has
// no business giving overlay orders other than whiteouts).
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/unpack/budget.h"
#include "image-rs-cpp/unpack/confined_folder.h"
#include "image-rs-cpp/unpack/entry_path.h"
#include "image-rs-cpp/unpack/folder_stack.h"
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
  // `folder` exists and is empty. `budget` is drawn from per entry and outlives the applier. All
  // calls come from one thread at a time; one with no umask (thread_umask.h) saves system calls.
  static absl::StatusOr<LayerApplier> Create(const std::string& folder, const Limits& limits,
                                             UnpackBudget* budget);

  absl::Status BeginEntry(const TarEntry& entry) override;
  absl::Status EntryData(ByteView data) override;
  absl::Status EntryHole(uint64_t size) override;
  absl::Status EndEntry() override;

  // After the last entry: the times of folders that are still open.
  absl::StatusOr<LayerFacts> Finish();

  uint64_t entries() const { return facts_.entries; }
  uint64_t content() const { return facts_.bytes; }

 private:
  LayerApplier(ConfinedFolder root, FolderStack stack, const Limits& limits, UnpackBudget* budget);

  absl::Status Apply(const TarEntry& entry);
  absl::Status ApplyWhiteout(const SplitPath& place);
  absl::Status ApplyFolder(const TarEntry& entry, const std::string& path, const SplitPath& place);
  absl::Status ApplyHardLink(const TarEntry& entry, const std::string& path,
                             const SplitPath& place);
  absl::Status LinkOutside(const std::string& path, std::string target, const SplitPath& place);
  absl::Status CheckNotHidden(std::string_view path) const;
  absl::Status ApplyFile(const TarEntry& entry, const SplitPath& place);
  absl::Status ApplyNode(const TarEntry& entry, const SplitPath& place);
  absl::StatusOr<int> MakeNode(const TarEntry& entry, const char* name);

  // Makes `parent` the top of the stack. Missing folders are made; so are those where this layer's
  // whiteout stands in the way, unless the entry is a whiteout itself.
  enum class InTheWay { kReplaceWhiteout, kRefuse };
  absl::Status OpenParent(const std::string& parent, InTheWay in_the_way);
  absl::Status MakeFolder(const std::string& name, InTheWay in_the_way);
  absl::Status RememberImplicit(const std::string& path);
  // Clears the way in the top folder for a new entry that is not a folder.
  absl::Status RemoveExisting(const SplitPath& place);
  absl::Status SetFolderAttributes(const TarEntry& entry, bool is_new);
  absl::Status SetFileAttributes();
  absl::Status SetNodeAttributes(const TarEntry& entry, const std::string& name);
  absl::Status SetXattrsOf(const TarEntry& entry, int fd);

  // Whether what this thread makes in the top folder has the owner and the mode it is made with.
  bool OwnerIsRight(const TarEntry& entry);
  bool ModeIsRight(const TarEntry& entry) const;
  absl::Status LookAtFirstFile(const TarEntry& entry);

  ConfinedFolder root_;
  FolderStack stack_;
  const Limits* limits_;
  UnpackBudget* budget_;
  LayerFacts facts_;
  uint32_t device_nodes_ = 0;
  size_t implicit_size_ = 0;

  const uint32_t uid_, gid_;  // what we make belongs to
  bool plain_maker_ = false;  // seen: files are made with just the owner and mode asked for
  bool looked_ = false;
  bool default_acls_ = false;  // some folder gives what is made in it an ACL

  const TarEntry* current_ = nullptr;
  UniqueFd file_;  // open between BeginEntry and EndEntry of a file
  bool ends_in_hole_ = false;
};

}  // namespace nacre::image
