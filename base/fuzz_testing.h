// One source, two uses. A file that ends with
//
//   NACRE_FUZZ_TARGET(Json, Try, Seeds)
//
// is a libFuzzer program when NACRE_LIBFUZZER is defined (cmake -DNACRE_FUZZ=ON with clang), and
// otherwise a gtest case, FuzzReplay.Json, that runs `Try` over every seed, every beginning of
// every seed, and a fixed number of random changes of them - the same ones in every run. With
// NACRE_FUZZ_SEEDS=<folder> in the environment the case also writes its seeds to <folder>/Json/,
// for libFuzzer to start from.
//
//   void Try(ByteView data);            // must not crash, hang or leak, and checks what must hold
//   std::vector<std::string> Seeds();   // good and nearly good inputs
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

#ifdef NACRE_LIBFUZZER

#define NACRE_FUZZ_TARGET(name, try_one, seeds)                             \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) { \
    (void)&seeds;                                                           \
    try_one(::nacre::ByteView(data, size));                                 \
    return 0;                                                               \
  }

#else

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::fuzz_testing {

inline constexpr int kChangesPerSeed = 300;
inline constexpr size_t kMaxBeginnings = 300;

using TryFunction = void (*)(ByteView);

// One to four random changes: a bit, a byte, a piece taken out or put in twice.
inline Bytes Changed(Bytes data, std::mt19937& random) {
  for (uint32_t left = 1 + random() % 4; left > 0 && !data.empty(); --left) {
    size_t at = random() % data.size();
    size_t length = 1 + random() % std::min<size_t>(8, data.size() - at);
    auto from = data.begin() + static_cast<std::ptrdiff_t>(at);
    auto to = from + static_cast<std::ptrdiff_t>(length);
    switch (random() % 4) {
      case 0:
        data[at] ^= static_cast<uint8_t>(1u << random() % 8);
        break;
      case 1:
        data[at] = static_cast<uint8_t>(random());
        break;
      case 2:
        data.erase(from, to);
        break;
      default: {
        Bytes piece(from, to);
        data.insert(from, piece.begin(), piece.end());
      }
    }
  }
  return data;
}

inline void WriteSeeds(const char* name, const std::vector<std::string>& seeds) {
  const char* folder = std::getenv("NACRE_FUZZ_SEEDS");
  if (folder == nullptr) return;
  std::string own = StrCat(folder, "/", name);
  ASSERT_TRUE(MakeDirectories(own).ok());
  for (size_t i = 0; i < seeds.size(); ++i) {
    ASSERT_TRUE(WriteFile(StrCat(own, "/", i), AsBytes(seeds[i])).ok());
  }
}

inline void Replay(const char* name, TryFunction try_one, const std::vector<std::string>& seeds) {
  WriteSeeds(name, seeds);
  std::mt19937 random(1);  // NOLINT: the same changes in every run
  for (const std::string& seed : seeds) {
    Bytes data = ToBytes(seed);
    size_t step = data.size() / kMaxBeginnings + 1;
    for (size_t size = 0; size < data.size(); size += step) try_one(ByteView(data).first(size));
    try_one(data);
    for (int i = 0; i < kChangesPerSeed; ++i) try_one(Changed(data, random));
  }
}

}  // namespace nacre::fuzz_testing

#define NACRE_FUZZ_TARGET(name, try_one, seeds) \
  TEST(FuzzReplay, name) { ::nacre::fuzz_testing::Replay(#name, try_one, seeds()); }

#endif
