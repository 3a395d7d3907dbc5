// Runs the fuzz target over well-formed seeds and over many small changes of each.
#include <gtest/gtest.h>

#include <random>

#include "base/strings.h"
#include "image-rs-cpp/decrypt/annotation_packet.h"
#include "image-rs-cpp/testing/compress.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/testing/test_image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace nacre::image {
namespace {

using testing::TarBuilder;

Bytes Tar() {
  return TarBuilder()
      .Folder("d")
      .Pax({{"path", "long/name"}, {"mtime", "1.5"}, {"SCHILY.xattr.user.a", "b"}})
      .File("x", "content")
      .GnuLong('L', "gnu/name")
      .Symlink("l", "d/x")
      .HardLink("h", "x")
      .Finish();
}

std::vector<std::pair<int, Bytes>> Seeds() {
  testing::TestImage image;
  image.AddEncryptedLayer(Tar(), {}).Seal();
  auto packet = WrapOptions("kbs:///a/b/c", Bytes(32, 1), AsBytes("{}"));
  Bytes pax = TarBuilder().Pax({{"path", "p"}, {"uid", "7"}, {"mtime", "-1.5"}}).bytes();
  pax.erase(pax.begin(), pax.begin() + 512);
  return {{0, Tar()},
          {1, Tar()},
          {2, ToBytes("127.0.0.1:5000/demo/app:v1@sha256:" + std::string(64, 'a'))},
          {3, ToBytes(image.manifest.dump())},
          {3, ToBytes(image.config.dump())},
          {4, ToBytes(*FormatAnnotationPacket(*packet))},
          {4, ToBytes(R"(Bearer realm="https://a/b",service="s",scope="x:y")")},
          {5, testing::GzipOf(Tar())},
          {6, testing::ZstdOf(Tar())},
          {7, pax}};
}

TEST(ImageFuzz, SeedsAndTheirNeighbours) {
  std::mt19937 random(1);
  for (auto& [target, seed] : Seeds()) {
    seed.insert(seed.begin(), static_cast<uint8_t>(target));
    ASSERT_EQ(LLVMFuzzerTestOneInput(seed.data(), seed.size()), 0);
    for (int round = 0; round < 1500; ++round) {
      Bytes changed = seed;
      for (int change = 1 + static_cast<int>(random() % 3); change > 0; --change) {
        changed[1 + random() % (changed.size() - 1)] = static_cast<uint8_t>(random());
      }
      if (random() % 8 == 0) changed.resize(1 + random() % changed.size());
      ASSERT_EQ(LLVMFuzzerTestOneInput(changed.data(), changed.size()), 0);
    }
  }
}

}  // namespace
}  // namespace nacre::image
