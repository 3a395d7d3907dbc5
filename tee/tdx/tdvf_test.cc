#include "tee/tdx/tdvf.h"

#include <gtest/gtest.h>

#include "base/status_testing.h"
#include "tee/common/firmware_table.h"
#include "tee/tdx/test_firmware.h"

namespace nacre::tee::tdx {
namespace {

constexpr size_t kCode = 0;
constexpr size_t kVariables = 1;
constexpr size_t kTemporary = 2;

absl::Status Changed(size_t index, void (*change)(TdvfSection*)) {
  TestTdvf what{TestSections()};
  change(&what.sections[index]);
  return ParseTdvf(BuildTestTdvf(what)).status();
}

TEST(Tdvf, ReadsSectionsInTableOrder) {
  ASSERT_OK_AND_ASSIGN(const auto sections, ParseTdvf(BuildTestTdvf()));
  EXPECT_EQ(sections, TestSections());
  EXPECT_EQ(TdvfSectionName(sections[4].type), "TD_HOB");
}

TEST(Tdvf, ImageWithoutMetadataIsNotFound) {
  EXPECT_STATUS(ParseTdvf(Bytes(4096)).status(), kNotFound, "not a TDVF");
  EXPECT_STATUS(ParseTdvf({}).status(), kNotFound, "not a TDVF");
  EXPECT_STATUS(ParseTdvf(Bytes(kMaxFirmware + 1)).status(), kInvalidArgument, "at most");
}

TEST(Tdvf, DescriptorIsChecked) {
  const auto with = [](auto change) {
    TestTdvf what{TestSections()};
    change(&what);
    return ParseTdvf(BuildTestTdvf(what)).status();
  };
  EXPECT_STATUS(with([](TestTdvf* w) { w->signature = "TDVG"; }), kInvalidArgument, "signature");
  EXPECT_STATUS(with([](TestTdvf* w) { w->version = 2; }), kInvalidArgument, "version 2");
  EXPECT_STATUS(with([](TestTdvf* w) { w->count = 65; }), kInvalidArgument, "65 sections");
  EXPECT_STATUS(with([](TestTdvf* w) { w->length = 16; }), kInvalidArgument, "length of 16");
  EXPECT_STATUS(with([](TestTdvf* w) { w->from_end = 3; }), kInvalidArgument, "signature");
  EXPECT_STATUS(with([](TestTdvf* w) { w->from_end = kTestFirmwareSize + 1; }), kInvalidArgument,
                "before the start");
  EXPECT_STATUS(with([](TestTdvf* w) { w->sections.clear(); }), kInvalidArgument, "no boot");
}

TEST(Tdvf, SectionsAreChecked) {
  EXPECT_STATUS(Changed(kCode, [](TdvfSection* s) { s->data_offset = 0x4001; }), kInvalidArgument,
                "BFV: its data lies outside");
  EXPECT_STATUS(Changed(kCode, [](TdvfSection* s) { s->data_offset = 0xffffffff; }),
                kInvalidArgument, "outside");
  EXPECT_STATUS(Changed(kVariables, [](TdvfSection* s) { s->address += 1; }), kInvalidArgument,
                "whole pages");
  EXPECT_STATUS(Changed(kVariables, [](TdvfSection* s) { s->memory_size = 0x3000; }),
                kInvalidArgument, "larger than its memory");
  EXPECT_STATUS(Changed(kTemporary, [](TdvfSection* s) { s->memory_size = 0xfff; }),
                kInvalidArgument, "whole pages");
  EXPECT_STATUS(Changed(kTemporary, [](TdvfSection* s) { s->memory_size = kMaxTdvfMemory + 4096; }),
                kInvalidArgument, "too large");
  EXPECT_STATUS(Changed(kTemporary, [](TdvfSection* s) { s->address = UINT64_MAX - 4095; }),
                kInvalidArgument, "wraps");
  EXPECT_STATUS(Changed(kTemporary, [](TdvfSection* s) { s->attributes = 4; }), kInvalidArgument,
                "unknown attributes");
  EXPECT_STATUS(Changed(kTemporary, [](TdvfSection* s) { s->attributes = 3; }), kInvalidArgument,
                "cannot be measured");
  EXPECT_STATUS(Changed(kTemporary, [](TdvfSection* s) { s->type = TdvfSectionType{7}; }),
                kInvalidArgument, "unknown type 7");
  EXPECT_STATUS(Changed(kTemporary, [](TdvfSection* s) { s->address = 0x805000; }),
                kInvalidArgument, "overlap");
  EXPECT_STATUS(Changed(kCode, [](TdvfSection* s) { s->type = TdvfSectionType::kPayload; }),
                kInvalidArgument, "no boot firmware volume");
}

TEST(Tdvf, AllSectionsTogetherAreBounded) {
  EXPECT_OK(Changed(kTemporary, [](TdvfSection* s) {
    s->address = 0x1000000;
    s->memory_size = kMaxTdvfMemory - 0x10000 - 0xa000;
  }));
  EXPECT_STATUS(Changed(kTemporary,
                        [](TdvfSection* s) {
                          s->address = 0x1000000;
                          s->memory_size = kMaxTdvfMemory - 0x10000 - 0xa000 + 0x1000;
                        }),
                kInvalidArgument, "too large");
}

}  // namespace
}  // namespace nacre::tee::tdx
