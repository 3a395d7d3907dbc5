#include "image-rs-cpp/erofs/folder_blocks.h"

#include "image-rs-cpp/erofs/format.h"

namespace nacre::image::erofs {

absl::Status FolderPacker::Add(std::string_view name, uint64_t nid, uint8_t file_type) {
  const size_t size = kDirentSize + name.size();
  if (used_ + size > kBlockSize) RETURN_IF_ERROR(EndBlock(false));
  entries_.push_back({nid, file_type, name});
  used_ += size;
  return absl::OkStatus();
}

absl::Status FolderPacker::EndBlock(bool last) {
  size_ += last ? used_ : kBlockSize;
  if (on_block_ != nullptr) {
    ByteWriter out;
    size_t name_at = entries_.size() * kDirentSize;
    for (const Entry& entry : entries_) {
      out.U64Le(entry.nid).U16Le(static_cast<uint16_t>(name_at)).U8(entry.file_type).U8(0);
      name_at += entry.name.size();
    }
    for (const Entry& entry : entries_) out.Put(entry.name);
    if (!last) out.Zeros(kBlockSize - out.size());
    RETURN_IF_ERROR(on_block_(out.bytes()));
  }
  entries_.clear();
  used_ = 0;
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> FolderPacker::Finish() {
  if (used_ > 0) RETURN_IF_ERROR(EndBlock(true));
  return size_;
}

}  // namespace nacre::image::erofs
