#include "net/ttrpc/frame.h"

#include <algorithm>
#include <utility>

namespace nacre::ttrpc {
namespace {

constexpr size_t kFirstStep = 4 << 10;     // stored before the first payload byte has come
constexpr size_t kReserved = (1 << 20) + 4096;    // addresses, at most, for what a header claims
constexpr size_t kScratchSize = 16 << 10;  // read past at a time

uint32_t Load32(const uint8_t* p) {
  return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | uint32_t{p[3]};
}

void Store32(uint8_t* p, uint32_t value) {
  for (int i = 0; i < 4; ++i) p[i] = static_cast<uint8_t>(value >> (24 - 8 * i));
}

}  // namespace

HeaderBytes EncodeHeader(const FrameHeader& header) {
  HeaderBytes bytes;
  Store32(&bytes[0], header.length);
  Store32(&bytes[4], header.stream_id);
  bytes[8] = static_cast<uint8_t>(header.type);
  bytes[9] = header.flags;
  return bytes;
}

FrameHeader DecodeHeader(std::span<const uint8_t, kHeaderSize> bytes) {
  return {.length = Load32(&bytes[0]),
          .stream_id = Load32(&bytes[4]),
          .type = static_cast<FrameType>(bytes[8]),
          .flags = bytes[9]};
}

std::span<uint8_t> FrameParser::Space() {
  if (state_ == State::kHeader) return std::span(header_).subspan(filled_);
  const size_t left = frame_.header.length - filled_;
  if (state_ == State::kDropping) {
    scratch_.resize(kScratchSize);
    return std::span(scratch_).first(std::min(left, kScratchSize));
  }
  if (filled_ == frame_.payload.size()) {
    const size_t step = std::max(kFirstStep, filled_);
    frame_.payload.resize(filled_ + std::min(left, step));
  }
  return std::span(frame_.payload).subspan(filled_);
}

void FrameParser::Filled(size_t count) {
  filled_ += count;
  if (state_ == State::kHeader) {
    if (filled_ == kHeaderSize) StartPayload();
    return;
  }
  if (filled_ == frame_.header.length) state_ = State::kReady;
}

void FrameParser::StartPayload() {
  frame_.header = DecodeHeader(header_);
  frame_.dropped = frame_.header.length > max_payload_;
  filled_ = 0;
  if (frame_.header.length == 0) {
    state_ = State::kReady;
  } else {
    state_ = frame_.dropped ? State::kDropping : State::kPayload;
    if (!frame_.dropped) frame_.payload.reserve(std::min<size_t>(frame_.header.length, kReserved));
  }
}

Frame FrameParser::Take() {
  state_ = State::kHeader;
  filled_ = 0;
  Bytes().swap(scratch_);
  return std::exchange(frame_, Frame());
}

}  // namespace nacre::ttrpc
