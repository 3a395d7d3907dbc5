// Folders name inodes by where they lie, and inodes lie behind what belongs to them, whose size
// must be known first. So the tree is walked three times in the same order: to give every inode its
// place, to write the folders' full blocks, and to write the inodes. All three make folders'
// content anew, block by block: one with a million names is never held as a whole.
#include "image-rs-cpp/erofs/image_writer.h"

#include <sys/stat.h>

#include <algorithm>

#include "crypto/random.h"
#include "image-rs-cpp/erofs/folder_blocks.h"
#include "image-rs-cpp/erofs/format.h"
#include "image-rs-cpp/erofs/xattr_body.h"

namespace nacre::image::erofs {
namespace {

// Some programs take an inode number of 0 for no file, so none lies at the area's start.
constexpr uint64_t kFirstInode = 64;
constexpr uint64_t kMostMetadata = uint64_t{UINT32_MAX} * kNidSize;

uint64_t RoundUp(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }

uint64_t Chunks(const Inode& inode) {
  const uint64_t size = uint64_t{kBlockSize} << inode.extra->chunk_bits;
  return (inode.size + size - 1) / size;
}

bool IsChunked(const Inode& inode) { return inode.extra != nullptr && inode.extra->chunked; }

bool HasBlocks(const Inode& inode) {
  return S_ISREG(inode.mode) || S_ISDIR(inode.mode) || S_ISLNK(inode.mode);
}

// What follows an inode.
struct Tail {
  DataLayout layout = DataLayout::kFlatPlain;
  size_t xattrs = 0;
  uint64_t size = 0;   // of inline content, or of the table of chunks
  bool whole = false;  // may not cross into another block
};

class Writer {
 public:
  Writer(ImageTree* tree, VolumeWriter* out) : tree_(*tree), out_(*out) {}

  absl::StatusOr<VerityRoot> Run() {
    RETURN_IF_ERROR(Walk([this](InodeId id, InodeId parent) { return Place(id, parent); }));
    RETURN_IF_ERROR(out_.PadToBlock());
    first_folder_block_ = out_.block();
    RETURN_IF_ERROR(Walk([this](InodeId id, InodeId parent) { return WriteBlocksOf(id, parent); }));
    Superblock superblock;
    superblock.metadata_block = out_.block();
    metadata_start_ = out_.position();
    RETURN_IF_ERROR(Walk([this](InodeId id, InodeId parent) { return WriteInode(id, parent); }));
    RETURN_IF_ERROR(out_.PadToBlock());
    superblock.root_nid = static_cast<uint16_t>(tree_.inode(kRoot).nid);
    superblock.inodes = inodes_;
    superblock.blocks = out_.block();
    superblock.has_chunks = has_chunks_;
    // One of its own, as overlayfs tells file systems apart by it.
    const Bytes uuid = crypto::RandomBytes(16);
    superblock.uuid = uuid;
    return out_.Finish(EncodeFirstBlock(superblock));
  }

 private:
  // Every inode once: a folder's entries, then what is in its folders.
  template <typename OnInode>
  absl::Status Walk(const OnInode& on_inode) {
    visited_.assign(tree_.inode_count(), false);
    struct Step {
      InodeId folder, parent;
    };
    std::vector<Step> stack = {{kRoot, kRoot}};
    RETURN_IF_ERROR(on_inode(kRoot, kRoot));
    while (!stack.empty()) {
      const Step step = stack.back();
      stack.pop_back();
      auto visit = [&](std::string_view, InodeId id) {
        if (visited_[id]) return absl::OkStatus();
        visited_[id] = true;
        if (tree_.IsFolder(id)) stack.push_back({id, step.folder});
        return on_inode(id, step.folder);
      };
      RETURN_IF_ERROR(tree_.ForEach(step.folder, visit));
    }
    return absl::OkStatus();
  }

  // The content of a folder, "." and ".." in their places by the alphabet.
  absl::StatusOr<uint64_t> Pack(InodeId folder, InodeId parent, FolderPacker::OnBlock on_block) {
    FolderPacker packer(std::move(on_block));
    const std::pair<std::string_view, InodeId> own[] = {{".", folder}, {"..", parent}};
    size_t next = 0;
    auto add_own = [&](std::string_view before) {
      while (next < 2 && (before.empty() || own[next].first < before)) {
        const auto& [name, id] = own[next++];
        RETURN_IF_ERROR(packer.Add(name, tree_.inode(id).nid, FileType(S_IFDIR)));
      }
      return absl::OkStatus();
    };
    auto add = [&](std::string_view name, InodeId id) {
      RETURN_IF_ERROR(add_own(name));
      const Inode& inode = tree_.inode(id);
      return packer.Add(name, inode.nid, FileType(inode.mode));
    };
    RETURN_IF_ERROR(tree_.ForEach(folder, add));
    RETURN_IF_ERROR(add_own(""));
    return packer.Finish();
  }

  // Of an inode whose size is known.
  absl::StatusOr<Tail> TailOf(const Inode& inode) {
    Tail tail;
    if (inode.extra != nullptr && !inode.extra->xattrs.empty()) {
      ASSIGN_OR_RETURN(const Bytes xattrs, EncodeXattrs(inode.extra->xattrs));
      tail.xattrs = xattrs.size();
    }
    if (IsChunked(inode)) {
      tail.layout = DataLayout::kChunkBased;
      tail.size = sizeof(uint32_t) * Chunks(inode);
    } else if (S_ISDIR(inode.mode) || S_ISLNK(inode.mode)) {
      const uint64_t last = inode.size % kBlockSize;
      tail.whole = last != 0 && kInodeRecordSize + tail.xattrs + last <= kBlockSize;
      if (tail.whole) tail.layout = DataLayout::kFlatInline, tail.size = last;
    }
    return tail;
  }

  // Where an inode with this tail may lie, from `at` on.
  static uint64_t Fit(uint64_t at, const Tail& tail) {
    at = RoundUp(at, kNidSize);
    const uint64_t size = kInodeRecordSize + (tail.whole ? tail.xattrs + tail.size : 0);
    return at % kBlockSize + size > kBlockSize ? RoundUp(at, kBlockSize) : at;
  }

  absl::Status CountLinks(InodeId folder) {
    Inode& own = tree_.inode(folder);
    own.links = 2;
    return tree_.ForEach(folder, [&](std::string_view, InodeId id) {
      Inode& inode = tree_.inode(id);
      ++(S_ISDIR(inode.mode) ? own : inode).links;
      return absl::OkStatus();
    });
  }

  absl::Status Place(InodeId id, InodeId parent) {
    Inode& inode = tree_.inode(id);
    ++inodes_;
    if (S_ISDIR(inode.mode)) {
      ASSIGN_OR_RETURN(inode.size, Pack(id, parent, nullptr));
      RETURN_IF_ERROR(CountLinks(id));
    } else if (S_ISLNK(inode.mode)) {
      inode.size = inode.Extra().link_target.size();
    }
    ASSIGN_OR_RETURN(const Tail tail, TailOf(inode));
    if (!S_ISREG(inode.mode) && HasBlocks(inode)) {
      inode.place = static_cast<uint32_t>(folder_blocks_);
      folder_blocks_ += (inode.size + kBlockSize - 1) / kBlockSize - (tail.whole ? 1 : 0);
    }
    has_chunks_ |= tail.layout == DataLayout::kChunkBased;
    const uint64_t at = Fit(placed_, tail);
    if (at > kMostMetadata)
      return absl::ResourceExhaustedError("more inodes than EROFS can number");
    inode.nid = static_cast<uint32_t>(at / kNidSize);
    placed_ = at + kInodeRecordSize + tail.xattrs + tail.size;
    return absl::OkStatus();
  }

  // Those of folders and symbolic links, as Place() has counted them.
  absl::Status WriteBlocksOf(InodeId id, InodeId parent) {
    Inode& inode = tree_.inode(id);
    if (S_ISREG(inode.mode) || !HasBlocks(inode)) return absl::OkStatus();
    inode.place += first_folder_block_;
    ASSIGN_OR_RETURN(const Tail tail, TailOf(inode));
    auto write = [&](ByteView block) -> absl::Status {
      if (block.size() < kBlockSize && tail.whole) return absl::OkStatus();
      RETURN_IF_ERROR(out_.Append(block));
      return out_.PadToBlock();
    };
    if (S_ISLNK(inode.mode)) return write(AsBytes(inode.extra->link_target));
    return Pack(id, parent, write).status();
  }

  absl::Status WriteInode(InodeId id, InodeId parent) {
    const Inode& inode = tree_.inode(id);
    ASSIGN_OR_RETURN(const Tail tail, TailOf(inode));
    RETURN_IF_ERROR(
        out_.AppendZeros(metadata_start_ + uint64_t{inode.nid} * kNidSize - out_.position()));
    InodeRecord record;
    record.layout = tail.layout;
    record.xattr_size = tail.xattrs;
    record.mode = inode.mode;
    record.size = inode.size;
    record.place = IsChunked(inode) ? inode.extra->chunk_bits : inode.place;
    record.serial = ++serial_;
    record.uid = inode.uid;
    record.gid = inode.gid;
    record.mtime_seconds = inode.mtime_seconds;
    record.mtime_nanoseconds = inode.mtime_nanoseconds;
    record.links = inode.links;
    ByteWriter bytes;
    PutInode(record, &bytes);
    if (tail.xattrs != 0) {
      ASSIGN_OR_RETURN(const Bytes xattrs, EncodeXattrs(inode.extra->xattrs));
      bytes.Put(xattrs);
    }
    if (IsChunked(inode)) PutChunks(inode, &bytes);
    if (tail.whole && S_ISLNK(inode.mode)) bytes.Put(inode.extra->link_target);
    if (tail.whole && S_ISDIR(inode.mode)) {
      auto put = [&](ByteView block) {
        if (block.size() < kBlockSize) bytes.Put(block);
        return absl::OkStatus();
      };
      RETURN_IF_ERROR(Pack(id, parent, put).status());
    }
    return out_.Append(bytes.bytes());
  }

  static void PutChunks(const Inode& inode, ByteWriter* out) {
    uint32_t chunk = 0;
    auto holes_to = [&](uint64_t end) {
      for (; chunk < end; ++chunk) out->U32Le(kNoBlock);
    };
    for (const ChunkRun& run : inode.extra->runs) {
      holes_to(run.chunk);
      for (uint32_t i = 0; i < run.count; ++i, ++chunk) {
        out->U32Le(run.block + (i << inode.extra->chunk_bits));
      }
    }
    holes_to(Chunks(inode));
  }

  ImageTree& tree_;
  VolumeWriter& out_;
  std::vector<bool> visited_;
  uint64_t inodes_ = 0;
  uint32_t serial_ = 0;
  uint64_t placed_ = kFirstInode;  // bytes of the metadata area
  uint64_t folder_blocks_ = 0;
  uint32_t first_folder_block_ = 0;
  uint64_t metadata_start_ = 0;
  bool has_chunks_ = false;
};

}  // namespace

absl::StatusOr<VerityRoot> WriteImage(ImageTree* tree, VolumeWriter* out) {
  return Writer(tree, out).Run();
}

}  // namespace nacre::image::erofs
