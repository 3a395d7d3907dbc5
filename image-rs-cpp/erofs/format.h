// EROFS on disk, as much of it as our images use: uncompressed, blocks of 4 KiB, inodes of 64 bytes
// (kernel Documentation/filesystems/erofs.rst; what Linux 5.15 and later mounts). Little endian.
//
//   block 0         1 KiB of nothing, the superblock, zeros
//   from block 1    content of files, each from a block's start; then full blocks of folders
//   metadata area   inodes, each followed by its extended attributes, then its table of chunks or
//                   the end of its folder's (or all of its symbolic link's) content
//
// A node id ("nid") is where an inode lies: in units of 32 bytes from the metadata area's start.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace nacre::image::erofs {

inline constexpr uint32_t kBlockSize = 4096;
inline constexpr uint32_t kBlockBits = 12;
inline constexpr uint64_t kMaxBlocks = UINT32_MAX;  // block numbers have 32 bits
inline constexpr uint32_t kInodeRecordSize = 64;
inline constexpr uint32_t kNidSize = 32;
inline constexpr uint32_t kDirentSize = 12;
inline constexpr uint32_t kMaxNameSize = 255;
inline constexpr uint32_t kNoBlock = UINT32_MAX;  // of a chunk: a hole

enum class DataLayout : uint16_t {
  kFlatPlain = 0,   // blocks in a row
  kFlatInline = 2,  // the same, but for the last part, which lies behind the inode
  kChunkBased = 4,  // a table says where each chunk is
};

// The first prefixes of names of extended attributes; the rest of the name follows.
enum class XattrPrefix : uint8_t {
  kUser = 1,
  kAccessAcl = 2,   // the whole name
  kDefaultAcl = 3,  // the whole name
  kTrusted = 4,
  kSecurity = 6,
};
inline constexpr size_t kXattrHeaderSize = 12;
inline constexpr size_t kXattrEntrySize = 4;
inline constexpr size_t kMaxXattrValue = UINT16_MAX;
// Its size is kept in 16 bits, in units of four bytes, the header counting as one.
inline constexpr size_t kMaxXattrBody = kXattrHeaderSize + 4 * (UINT16_MAX - 1);

struct Superblock {
  uint64_t inodes = 0;
  uint32_t blocks = 0;
  uint32_t metadata_block = 0;  // where the metadata area begins
  uint16_t root_nid = 0;
  bool has_chunks = false;  // some file is kChunkBased
  ByteView uuid;            // 16 bytes
};
// The whole block.
Bytes EncodeFirstBlock(const Superblock& superblock);

struct InodeRecord {
  DataLayout layout = DataLayout::kFlatPlain;
  size_t xattr_size = 0;  // of the body that follows, 0 or as EncodeXattrs gave it
  mode_t mode = 0;        // with the type
  uint64_t size = 0;
  uint32_t place = 0;  // first block, or device number, or chunk format
  uint32_t serial = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  int64_t mtime_seconds = 0;
  uint32_t mtime_nanoseconds = 0;
  uint32_t links = 0;
};
void PutInode(const InodeRecord& inode, ByteWriter* out);

// What a folder says of an entry's type.
uint8_t FileType(mode_t mode);

// A device number as inodes hold it; major up to 4095, minor up to 1048575.
bool FitsDeviceNumber(uint32_t major, uint32_t minor);
uint32_t DeviceNumber(uint32_t major, uint32_t minor);

// CRC-32C (Castagnoli) without the inversion at the end, which is how superblocks are summed.
uint32_t Crc32c(ByteView data);

}  // namespace nacre::image::erofs
