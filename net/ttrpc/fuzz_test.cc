// The fuzz target over seeds and over fixed pseudo-random inputs, so that it keeps working.
#include <gtest/gtest.h>

#include <random>

#include "net/ttrpc/raw_peer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace nacre::ttrpc {
namespace {

void Feed(std::string_view input) { LLVMFuzzerTestOneInput(AsBytes(input).data(), input.size()); }

TEST(FrameFuzzTest, Seeds) {
  const std::string request = EncodeRequest({"t.Test", "Echo", "payload", 5, {{"k", "v"}}});
  const std::string stream = FrameText(1, FrameType::kRequest, request) +
                             FrameText(3, FrameType::kResponse, EncodeResponse(request)) +
                             FrameText(5, FrameType::kData, std::string(5000, 'x'));
  for (char step : {'\0', '\x09', '\xff'}) {
    for (char limit : {'\0', '\x02', '\xff'}) {
      for (size_t cut = 0; cut < 120; ++cut) Feed(StrCat(step, limit, stream.substr(0, cut)));
      Feed(StrCat(step, limit, stream));
    }
  }
  Feed("");
  Feed(std::string(64, '\xff'));
}

TEST(FrameFuzzTest, BytesAtRandom) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string input(random() % 400, '\0');
    for (char& c : input) c = static_cast<char>(random() % 4 == 0 ? random() : 0);
    Feed(input);
  }
}

}  // namespace
}  // namespace nacre::ttrpc
