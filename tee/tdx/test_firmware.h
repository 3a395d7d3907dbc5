// A small firmware image with TDVF metadata, for tests.
#pragma once

#include "base/bytes.h"
#include "tee/tdx/tdvf.h"

namespace nacre::tee::tdx {

struct TestTdvf {
  std::vector<TdvfSection> sections;
  std::string signature = "TDVF";
  uint32_t version = 1;
  int64_t count = -1;     // -1: the true one
  int64_t length = -1;    // -1: the true one
  int64_t from_end = -1;  // of the descriptor; -1: the true one
};

inline constexpr size_t kTestFirmwareSize = 0x10000;

// 64 KiB: 16 KiB of variables and 48 KiB of code at the top of 4 GiB, and OVMF's own ranges of RAM.
std::vector<TdvfSection> TestSections();
Bytes BuildTestTdvf(const TestTdvf& what = {TestSections()});

// A bzImage of boot protocol 2.15 that is also a PE32+ image, with `body` as its one section.
Bytes BuildTestKernel(std::string_view version, ByteView body);

}  // namespace nacre::tee::tdx
