// Compressed layers, cut off after 8 MiB of output. The first byte chooses the compression.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "image-rs-cpp/testing/compress.h"
#include "image-rs-cpp/unpack/decompress.h"

namespace nacre::image {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void Try(ByteView data) {
  if (data.empty()) return;
  const Limits limits;
  auto decompressor =
      Decompressor::Create(data[0] % 2 == 0 ? Compression::kGzip : Compression::kZstd, limits);
  Require(decompressor.ok());
  size_t total = 0;
  auto bounded = [&](ByteView plain) {
    total += plain.size();
    return total > (8 << 20) ? absl::ResourceExhaustedError("enough") : absl::OkStatus();
  };
  if ((*decompressor)->Write(data.subspan(1), bounded).ok()) (void)(*decompressor)->Finish();
}

std::vector<std::string> Seeds() {
  const std::string text = "some text, some text, some more text";
  return {"\x02" + ToString(testing::GzipOf(AsBytes(text))),
          "\x01" + ToString(testing::ZstdOf(AsBytes(text)))};
}

NACRE_FUZZ_TARGET(ImageDecompress, Try, Seeds)

}  // namespace
}  // namespace nacre::image
