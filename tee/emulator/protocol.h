// What guest and emulator say to each other over a byte stream (a virtio-serial port). Each frame
// is
//
//   "NTEE" | u8 version = 1 | u8 type | u16 0 | u32 payload size | 8-byte request id | payload
//
// little-endian. A stream may begin in the middle of an old frame (a guest process died and another
// opened the port), so readers look for the next header instead of failing: the guest looks for one
// that carries the random id it has just sent, the emulator for any request.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace nacre::tee::emulator {

inline constexpr size_t kHeaderSize = 20;
inline constexpr size_t kMaxReply = 512 * 1024;

enum class FrameType : uint8_t {
  kQuoteRequest = 1,  // payload: 64 bytes of report data
  kQuoteReply = 2,    // payload: 1184-byte report, then the certificate table
  kError = 3,         // payload: why there is no report, UTF-8
};

using RequestId = std::array<uint8_t, 8>;

struct Frame {
  FrameType type = FrameType::kError;
  RequestId id{};
  Bytes payload;
};

Bytes EncodeFrame(const Frame& frame);

// Collects bytes of a stream and hands out whole frames. Holds at most one frame of `max_payload`
// and what was read behind it; a header that promises more, like any other bytes that are no
// header, is skipped.
class FrameScanner {
 public:
  explicit FrameScanner(size_t max_payload) : max_payload_(max_payload) {}
  void Append(ByteView bytes) { buffer_.insert(buffer_.end(), bytes.begin(), bytes.end()); }
  // The next frame of one of the types, with this id unless it is nullopt; nullopt when there is
  // none yet.
  std::optional<Frame> Next(std::initializer_list<FrameType> types,
                            const std::optional<RequestId>& id = std::nullopt);
  size_t skipped() const { return skipped_; }  // bytes that were part of no frame asked for

 private:
  void Drop(size_t count, bool wanted);

  size_t max_payload_;
  Bytes buffer_;
  size_t skipped_ = 0;
};

}  // namespace nacre::tee::emulator
