// ttrpc frames: a ten-byte header, then that many bytes of payload. Pure parsing, no I/O.
//
//   offset 0  u32 big-endian  length of the payload
//          4  u32 big-endian  stream id: one per call, odd for streams a client opens, increasing
//          8  u8              type
//          9  u8              flags (streaming only; unary frames send 0 and ignore what comes)
//
// Protocol: github.com/containerd/ttrpc, PROTOCOL.md.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "net/ttrpc/limits.h"

namespace nacre::ttrpc {

inline constexpr size_t kHeaderSize = 10;

enum class FrameType : uint8_t { kRequest = 1, kResponse = 2, kData = 3 };

struct FrameHeader {
  uint32_t length = 0;
  uint32_t stream_id = 0;
  FrameType type = FrameType::kRequest;  // may hold values outside the enumerators
  uint8_t flags = 0;
  bool operator==(const FrameHeader&) const = default;
};

using HeaderBytes = std::array<uint8_t, kHeaderSize>;
HeaderBytes EncodeHeader(const FrameHeader& header);
FrameHeader DecodeHeader(std::span<const uint8_t, kHeaderSize> bytes);

struct Frame {
  FrameHeader header;
  Bytes payload;
  bool dropped = false;  // the payload was over the limit: read past, not stored
};

// Makes frames of a byte stream that arrives in pieces. The caller reads into Space() and says how
// much came; memory grows with what came, not with what a header claims (addresses for half a MiB
// aside).
//
//   while (!parser.ready()) { n = read(fd, parser.Space()); parser.Filled(n); }
//   Frame frame = parser.Take();
class FrameParser {
 public:
  // Payloads over `max_payload` are dropped. Applies from the next frame's header on.
  void set_max_payload(size_t max_payload) { max_payload_ = max_payload; }

  bool ready() const { return state_ == State::kReady; }
  // Where the next bytes go. Never empty, unless ready().
  std::span<uint8_t> Space();
  // `count` bytes were put at the front of Space(); count <= Space().size().
  void Filled(size_t count);
  // The finished frame; only when ready().
  Frame Take();
  // True when no part of a frame has come: the stream may end here.
  bool between_frames() const { return state_ == State::kHeader && filled_ == 0; }

 private:
  enum class State { kHeader, kPayload, kDropping, kReady };
  void StartPayload();

  size_t max_payload_ = kMaxPayload;
  State state_ = State::kHeader;
  size_t filled_ = 0;  // of the header, or of the payload
  HeaderBytes header_{};
  Frame frame_;
  Bytes scratch_;  // where dropped bytes go
};

}  // namespace nacre::ttrpc
