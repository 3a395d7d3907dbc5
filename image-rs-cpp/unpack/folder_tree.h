// A layer's entries as files of a folder, in the shape overlayfs wants of a lower layer. Needs the
// right to make device nodes and to change owners.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "image-rs-cpp/unpack/confined_folder.h"
#include "image-rs-cpp/unpack/folder_stack.h"
#include "image-rs-cpp/unpack/layer_tree.h"

namespace nacre::image {

class FolderTree : public LayerTree {
 public:
  // `folder` exists and is empty. All calls come from one thread at a time; one with no umask
  // (thread_umask.h) saves system calls.
  static absl::StatusOr<std::unique_ptr<FolderTree>> Create(const std::string& folder);

  absl::Status Enter(const std::string& name) override { return stack_.Enter(name); }
  absl::Status Leave() override { return stack_.Leave(); }
  absl::StatusOr<Found> Look(const std::string& name) override;
  absl::StatusOr<bool> MakeFolder(const TarEntry& entry, const std::string& name) override;
  absl::Status MakeStandIn(const std::string& name) override;
  absl::Status SetFolderAttributes(const TarEntry& entry, bool is_new) override;
  absl::Status MakeOpaque() override;
  absl::StatusOr<bool> MakeWhiteout(const std::string& name) override;
  absl::StatusOr<bool> MakeNode(const TarEntry& entry, const std::string& name) override;
  absl::StatusOr<bool> Remove(const SplitPath& place) override;
  absl::StatusOr<bool> BeginFile(const TarEntry& entry, const std::string& name) override;
  absl::Status FileData(ByteView data) override;
  absl::Status FileHole(uint64_t size) override;
  absl::Status EndFile() override;
  absl::StatusOr<Found> FindLinkTarget(const SplitPath& target, bool here) override;
  absl::StatusOr<bool> LinkFound(const std::string& name) override;
  absl::StatusOr<bool> IsOpaque(const std::string& path) override;
  absl::Status Finish() override { return stack_.Finish(); }

 private:
  FolderTree(ConfinedFolder root, FolderStack stack);

  absl::Status SetFileAttributes();
  absl::Status SetNodeAttributes(const TarEntry& entry, const std::string& name);
  absl::Status SetXattrsOf(const TarEntry& entry, int fd);
  // Whether what this thread makes in the top folder has the owner and the mode it is made with.
  bool OwnerIsRight(const TarEntry& entry);
  bool ModeIsRight(const TarEntry& entry) const;
  absl::Status LookAtFirstFile(const TarEntry& entry);

  ConfinedFolder root_;
  FolderStack stack_;

  const uid_t uid_;  // what we make belongs to
  const gid_t gid_;
  bool plain_maker_ = false;  // seen: files are made with just the owner and mode asked for
  bool looked_ = false;
  bool default_acls_ = false;  // some folder gives what is made in it an ACL

  // Between BeginFile and EndFile.
  const TarEntry* current_ = nullptr;
  UniqueFd file_;
  bool ends_in_hole_ = false;

  // Of FindLinkTarget.
  UniqueFd found_folder_;
  std::string found_name_;
  dev_t found_device_ = 0;
  ino_t found_inode_ = 0;
};

}  // namespace nacre::image
