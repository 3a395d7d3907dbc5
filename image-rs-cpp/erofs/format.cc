#include "image-rs-cpp/erofs/format.h"

#include <sys/stat.h>

namespace nacre::image::erofs {
namespace {

constexpr size_t kSuperblockOffset = 1024;
constexpr size_t kChecksumOffset = kSuperblockOffset + 4;
constexpr uint32_t kMagic = 0xe0f5e1e2;
constexpr uint32_t kHasChecksum = 1;  // compatible features
constexpr uint32_t kHasChunks = 4;    // incompatible ones

// Bits of an inode's format: extended (64 bytes), then the layout.
constexpr uint16_t kExtended = 1;
constexpr int kLayoutShift = 1;

}  // namespace

uint32_t Crc32c(ByteView data) {
  uint32_t crc = UINT32_MAX;
  for (const uint8_t byte : data) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
  }
  return crc;
}

Bytes EncodeFirstBlock(const Superblock& superblock) {
  ByteWriter out;
  out.Zeros(kSuperblockOffset).U32Le(kMagic).U32Le(0).U32Le(kHasChecksum);
  out.U8(kBlockBits).U8(0).U16Le(superblock.root_nid).U64Le(superblock.inodes);
  out.U64Le(0).U32Le(0);  // no time of its own: every inode has one
  out.U32Le(superblock.blocks).U32Le(superblock.metadata_block).U32Le(0);
  out.Put(superblock.uuid).Zeros(16);  // no name
  out.U32Le(superblock.has_chunks ? kHasChunks : 0);
  out.Zeros(kBlockSize - out.size());
  Bytes block = out.Release();
  const uint32_t sum = Crc32c(ByteView(block).subspan(kSuperblockOffset));
  for (int i = 0; i < 4; ++i) block[kChecksumOffset + i] = static_cast<uint8_t>(sum >> (8 * i));
  return block;
}

void PutInode(const InodeRecord& inode, ByteWriter* out) {
  const size_t units =
      inode.xattr_size == 0 ? 0 : 1 + (inode.xattr_size - kXattrHeaderSize) / kXattrEntrySize;
  out->U16Le(
      static_cast<uint16_t>(kExtended | static_cast<uint16_t>(inode.layout) << kLayoutShift));
  out->U16Le(static_cast<uint16_t>(units)).U16Le(static_cast<uint16_t>(inode.mode)).U16Le(0);
  out->U64Le(inode.size).U32Le(inode.place).U32Le(inode.serial);
  out->U32Le(inode.uid).U32Le(inode.gid);
  out->U64Le(static_cast<uint64_t>(inode.mtime_seconds)).U32Le(inode.mtime_nanoseconds);
  out->U32Le(inode.links).Zeros(16);
}

uint8_t FileType(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return 1;
    case S_IFDIR:
      return 2;
    case S_IFCHR:
      return 3;
    case S_IFBLK:
      return 4;
    case S_IFIFO:
      return 5;
    case S_IFSOCK:
      return 6;
    case S_IFLNK:
      return 7;
    default:
      return 0;
  }
}

bool FitsDeviceNumber(uint32_t major, uint32_t minor) { return major < 4096 && minor < 1u << 20; }

uint32_t DeviceNumber(uint32_t major, uint32_t minor) {
  return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}

}  // namespace nacre::image::erofs
