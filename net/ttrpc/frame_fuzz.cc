// Any bytes in any pieces: the parser never hands out an empty Space(), never stores more than its
// limit, and frames come out with the length their header said.
#include <algorithm>
#include <cstdlib>

#include "net/ttrpc/frame.h"
#include "net/ttrpc/message.h"

namespace {

void Require(bool condition) {
  if (!condition) abort();
}

}  // namespace

// First byte: how many bytes a read gives; second: the payload limit, in units of 16.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t step = size_t{data[0]} + 1;
  const size_t limit = size_t{data[1]} * 16;
  nacre::ByteView bytes(data + 2, size - 2);
  nacre::ttrpc::FrameParser parser;
  parser.set_max_payload(limit);
  for (;;) {
    if (parser.ready()) {
      const nacre::ttrpc::Frame frame = parser.Take();
      Require(frame.dropped == (frame.header.length > limit));
      Require(frame.payload.size() == (frame.dropped ? 0 : frame.header.length));
      (void)nacre::ttrpc::DecodeRequest(frame.payload);
      (void)nacre::ttrpc::DecodeResponse(frame.payload);
    }
    if (bytes.empty()) return 0;
    const std::span<uint8_t> space = parser.Space();
    Require(!space.empty() && space.size() <= std::max<size_t>(limit, 16 << 10));
    const size_t count = std::min({step, space.size(), bytes.size()});
    std::copy_n(bytes.begin(), count, space.begin());
    parser.Filled(count);
    bytes = bytes.subspan(count);
  }
}
