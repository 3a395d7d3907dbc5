#include "tee/tdx/test_firmware.h"

#include <algorithm>

#include "tee/common/guid.h"

namespace nacre::tee::tdx {
namespace {

constexpr Guid kFooter = MakeGuid("96b582de-1fb2-45f7-baea-a366c55a082d");
constexpr Guid kTdxMetadata = MakeGuid("e47a6535-984a-4798-865e-4685a7bf8ec2");

void PutAt(size_t offset, const Bytes& what, Bytes* image) {
  std::copy(what.begin(), what.end(), image->begin() + static_cast<ptrdiff_t>(offset));
}

Bytes Number(uint64_t value, size_t width) {
  Bytes out;
  for (size_t i = 0; i < width; ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
  return out;
}

}  // namespace

std::vector<TdvfSection> TestSections() {
  return {
      {0x4000, 0xc000, 0xffff4000, 0xc000, TdvfSectionType::kBfv, kTdvfMeasured},
      {0, 0x4000, 0xffff0000, 0x4000, TdvfSectionType::kCfv, 0},
      {0, 0, 0x810000, 0x10000, TdvfSectionType::kTempMem, 0},
      {0, 0, 0x80b000, 0x2000, TdvfSectionType::kTempMem, 0},
      {0, 0, 0x809000, 0x2000, TdvfSectionType::kTdHob, 0},
      {0, 0, 0x800000, 0x6000, TdvfSectionType::kTempMem, 0},
  };
}

Bytes BuildTestTdvf(const TestTdvf& what) {
  Bytes image(kTestFirmwareSize);
  for (size_t i = 0; i < image.size(); ++i) image[i] = static_cast<uint8_t>(i * 7 + (i >> 8));
  const size_t count = what.count < 0 ? what.sections.size() : static_cast<size_t>(what.count);
  ByteWriter descriptor;
  descriptor.Put(what.signature);
  descriptor.U32Le(
      static_cast<uint32_t>(what.length < 0 ? 16 + 32 * static_cast<int64_t>(count) : what.length));
  descriptor.U32Le(what.version).U32Le(static_cast<uint32_t>(count));
  for (const TdvfSection& section : what.sections) {
    descriptor.U32Le(section.data_offset).U32Le(section.data_size).U64Le(section.address);
    descriptor.U64Le(section.memory_size).U32Le(static_cast<uint32_t>(section.type));
    descriptor.U32Le(section.attributes);
  }
  constexpr size_t kDescriptor = 0x8000;
  PutAt(kDescriptor, descriptor.bytes(), &image);
  ByteWriter table;
  table.U32Le(static_cast<uint32_t>(what.from_end < 0 ? kTestFirmwareSize - kDescriptor
                                                      : static_cast<size_t>(what.from_end)));
  table.U16Le(22).Put(kTdxMetadata).U16Le(40).Put(kFooter);
  PutAt(image.size() - 0x20 - table.size(), table.bytes(), &image);
  return image;
}

Bytes BuildTestKernel(std::string_view version, ByteView body) {
  constexpr size_t kHeaders = 0x1000;
  constexpr size_t kPe = 0x40;
  constexpr size_t kOptional = kPe + 24;
  Bytes image(kHeaders);
  PutAt(0, ToBytes("MZ"), &image);
  PutAt(0x3c, Number(kPe, 4), &image);
  PutAt(kPe, ToBytes("PE"), &image);
  PutAt(kPe + 6, Number(1, 2), &image);     // sections
  PutAt(kPe + 20, Number(160, 2), &image);  // size of the optional header
  PutAt(kOptional, Number(0x20b, 2), &image);
  PutAt(kOptional + 60, Number(kHeaders, 4), &image);
  PutAt(kOptional + 64, Number(0x12345678, 4), &image);  // checksum
  PutAt(kOptional + 108, Number(6, 4), &image);          // directory entries
  const size_t section = kOptional + 160;
  PutAt(section + 16, Number(body.size(), 4), &image);
  PutAt(section + 20, Number(kHeaders, 4), &image);
  PutAt(0x202, ToBytes("HdrS"), &image);
  PutAt(0x206, Number(0x20f, 2), &image);
  PutAt(0x20e, Number(0x600, 2), &image);
  PutAt(0x211, Number(1, 1), &image);
  PutAt(0x22c, Number(0x7fffffff, 4), &image);
  PutAt(0x236, Number(0x3f, 2), &image);
  PutAt(0x800, ToBytes(version), &image);
  image.insert(image.end(), body.begin(), body.end());
  return image;
}

}  // namespace nacre::tee::tdx
