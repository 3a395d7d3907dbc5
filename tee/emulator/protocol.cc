#include "tee/emulator/protocol.h"

#include <algorithm>

namespace nacre::tee::emulator {
namespace {

constexpr uint8_t kMagic[4] = {'N', 'T', 'E', 'E'};
constexpr uint8_t kVersion = 1;

struct Header {
  uint8_t type;
  uint32_t size;
  RequestId id;
};

std::optional<Header> ReadHeader(ByteView bytes) {
  if (!std::equal(std::begin(kMagic), std::end(kMagic), bytes.begin())) return std::nullopt;
  if (bytes[4] != kVersion || bytes[6] != 0 || bytes[7] != 0) return std::nullopt;
  Header header{.type = bytes[5], .size = 0, .id = {}};
  for (int i = 0; i < 4; ++i) header.size |= static_cast<uint32_t>(bytes[8 + i]) << (8 * i);
  std::copy_n(bytes.begin() + 12, header.id.size(), header.id.begin());
  return header;
}

}  // namespace

Bytes EncodeFrame(const Frame& frame) {
  ByteWriter out;
  out.Put(ByteView(kMagic)).U8(kVersion).U8(static_cast<uint8_t>(frame.type)).U16Le(0);
  out.U32Le(static_cast<uint32_t>(frame.payload.size())).Put(frame.id).Put(frame.payload);
  return out.Release();
}

void FrameScanner::Drop(size_t count, bool wanted) {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(count));
  if (!wanted) skipped_ += count;
}

std::optional<Frame> FrameScanner::Next(std::initializer_list<FrameType> types,
                                        const std::optional<RequestId>& id) {
  size_t at = 0;
  for (; at + kHeaderSize <= buffer_.size(); ++at) {
    const auto header = ReadHeader(ByteView(buffer_).subspan(at, kHeaderSize));
    if (!header || header->size > max_payload_ || (id && header->id != *id)) continue;
    const auto type = static_cast<FrameType>(header->type);
    if (std::find(types.begin(), types.end(), type) == types.end()) continue;
    Drop(at, false);
    if (buffer_.size() < kHeaderSize + header->size) return std::nullopt;
    const auto start = buffer_.begin() + kHeaderSize;
    Frame frame{type, header->id, Bytes(start, start + static_cast<ptrdiff_t>(header->size))};
    Drop(kHeaderSize + header->size, true);
    return frame;
  }
  Drop(at, false);  // keep only what may be the beginning of a header
  return std::nullopt;
}

}  // namespace nacre::tee::emulator
