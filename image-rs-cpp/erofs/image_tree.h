// Names and inodes of an image while it is made: all of it in memory (about 120 bytes and the name
// for a file), the content of files not.
//
// Names are of one sorted set over all folders. What is removed stays in it as a name that leads
// nowhere, so that nothing here costs more than a look-up, whatever an archive replaces how often.
// No hash decides, so no choice of names makes look-ups slow.
#pragma once

#include <absl/container/btree_set.h>
#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/unpack/xattrs.h"

namespace nacre::image::erofs {

using InodeId = uint32_t;
inline constexpr InodeId kRoot = 0;
inline constexpr InodeId kNoInode = UINT32_MAX;

// Blocks in a row that hold a file from `chunk` on.
struct ChunkRun {
  uint32_t chunk = 0;
  uint32_t count = 0;
  uint32_t block = 0;
};

// What few inodes have.
struct InodeExtra {
  Xattrs xattrs;
  std::string link_target;     // of a symbolic link
  std::vector<ChunkRun> runs;  // of a file with holes, ascending; elsewhere are holes
  uint32_t chunk_bits = 0;     // log2 of a chunk in blocks
  bool chunked = false;
};

struct Inode {
  uint64_t size = 0;  // of content
  int64_t mtime_seconds = 0;
  uint32_t mtime_nanoseconds = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t place = 0;  // of a file: its first block; of a device: format.h's number
  uint32_t links = 0;  // filled in by the writer
  uint32_t nid = 0;    // filled in by the writer
  uint16_t mode = 0;   // with the type
  std::unique_ptr<InodeExtra> extra;

  InodeExtra& Extra() {
    if (extra == nullptr) extra = std::make_unique<InodeExtra>();
    return *extra;
  }
};

class ImageTree {
 public:
  // Of names, inodes and all they have.
  static constexpr uint64_t kMaxMemory = 256 << 20;

  // With a root folder, 0755 of root.
  explicit ImageTree(uint64_t max_memory = kMaxMemory);

  // kNoInode when there is nothing of that name.
  InodeId Find(InodeId folder, std::string_view name) const;
  // kResourceExhausted when there would be too much of it.
  absl::StatusOr<InodeId> AddInode(Inode inode);
  absl::Status Put(InodeId folder, std::string_view name, InodeId inode);
  void Remove(InodeId folder, std::string_view name);
  // For what an inode gets later.
  absl::Status Charge(uint64_t bytes);

  Inode& inode(InodeId id) { return inodes_[id]; }
  const Inode& inode(InodeId id) const { return inodes_[id]; }
  bool IsFolder(InodeId id) const;
  size_t inode_count() const { return inodes_.size(); }

  // The folder's names in order: OnName(std::string_view, InodeId) -> absl::Status.
  template <typename OnName>
  absl::Status ForEach(InodeId folder, const OnName& on_name) const {
    for (auto at = names_.lower_bound(Key{folder, {}}); at != names_.end(); ++at) {
      const Name& name = all_names_[*at];
      if (name.folder != folder) break;
      if (name.inode != kNoInode) RETURN_IF_ERROR(on_name(name.View(), name.inode));
    }
    return absl::OkStatus();
  }

 private:
  struct Name {
    const char* text;
    InodeId folder;
    InodeId inode;
    uint8_t size;
    std::string_view View() const { return {text, size}; }
  };
  struct Key {
    InodeId folder;
    std::string_view name;
  };
  struct Less {
    using is_transparent = void;
    const std::deque<Name>* names;
    Key Of(uint32_t index) const { return {(*names)[index].folder, (*names)[index].View()}; }
    static Key Of(const Key& key) { return key; }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      const Key left = Of(a), right = Of(b);
      return std::tie(left.folder, left.name) < std::tie(right.folder, right.name);
    }
  };

  std::string_view Keep(std::string_view name);

  const uint64_t max_memory_;
  uint64_t memory_ = 0;
  std::deque<Inode> inodes_;
  std::deque<Name> all_names_;
  absl::btree_set<uint32_t, Less> names_;
  std::vector<std::unique_ptr<char[]>> texts_;
  size_t text_used_ = 0;  // of the last one
};

}  // namespace nacre::image::erofs
