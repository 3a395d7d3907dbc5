// Any bytes in any pieces: the parser never hands out an empty Space(), never stores more than its
// limit, and frames come out with the length their header said.
#include <algorithm>
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "base/strings.h"
#include "net/ttrpc/frame.h"
#include "net/ttrpc/message.h"

namespace nacre::ttrpc {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// First byte: how many bytes a read gives; second: the payload limit, in units of 16.
void Try(ByteView data) {
  if (data.size() < 2) return;
  const size_t step = size_t{data[0]} + 1;
  const size_t limit = size_t{data[1]} * 16;
  ByteView bytes = data.subspan(2);
  FrameParser parser;
  parser.set_max_payload(limit);
  for (;;) {
    if (parser.ready()) {
      const Frame frame = parser.Take();
      Require(frame.dropped == (frame.header.length > limit));
      Require(frame.payload.size() == (frame.dropped ? 0 : frame.header.length));
      DecodeRequest(frame.payload).status().IgnoreError();
      DecodeResponse(frame.payload).status().IgnoreError();
    }
    if (bytes.empty()) return;
    const std::span<uint8_t> space = parser.Space();
    Require(!space.empty() && space.size() <= std::max<size_t>(limit, 16 << 10));
    const size_t count = std::min({step, space.size(), bytes.size()});
    std::copy_n(bytes.begin(), count, space.begin());
    parser.Filled(count);
    bytes = bytes.subspan(count);
  }
}

std::string FrameText(uint32_t stream_id, FrameType type, std::string_view payload) {
  return StrCat(AsText(EncodeHeader({static_cast<uint32_t>(payload.size()), stream_id, type})),
                payload);
}

std::vector<std::string> Seeds() {
  const std::string request = EncodeRequest({"t.Test", "Echo", "payload", 5, {{"k", "v"}}});
  const std::string stream = FrameText(1, FrameType::kRequest, request) +
                             FrameText(3, FrameType::kResponse, EncodeResponse(request)) +
                             FrameText(5, FrameType::kData, std::string(5000, 'x'));
  std::vector<std::string> seeds = {std::string(64, '\xff'), std::string(400, '\0')};
  for (char step : {'\0', '\x09', '\xff'}) {
    for (char limit : {'\0', '\x02', '\xff'}) seeds.push_back(StrCat(step, limit, stream));
  }
  return seeds;
}

NACRE_FUZZ_TARGET(Frame, Try, Seeds)

}  // namespace
}  // namespace nacre::ttrpc
