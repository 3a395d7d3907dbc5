#include "tee/sev/firmware.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tee/emulator/firmware_image.h"
#include "tee/sev/guid.h"

namespace nacre::tee::sev {
namespace {

using ::testing::HasSubstr;

constexpr Guid kFooter = MakeGuid("96b582de-1fb2-45f7-baea-a366c55a082d");
constexpr Guid kHashTable = MakeGuid("7255371f-3a3b-4b04-927b-1da6efa8d454");
constexpr Guid kMetadata = MakeGuid("dc886566-984a-4798-a75e-5585a7bf67cc");
constexpr size_t kSize = 4096;

// A page-sized image whose GUID table holds `entries` (as bytes) under a footer of `footer_size`.
Bytes Image(const Bytes& entries, int footer_size = -1) {
  ByteWriter table;
  table.Put(entries);
  table.U16Le(static_cast<uint16_t>(footer_size < 0 ? entries.size() + 18 : footer_size));
  table.Put(kFooter);
  Bytes image(kSize);
  std::copy(table.bytes().begin(), table.bytes().end(),
            image.end() - 0x20 - static_cast<ptrdiff_t>(table.size()));
  return image;
}

Bytes Entry(const Guid& guid, const Bytes& data, int size = -1) {
  ByteWriter out;
  out.Put(data).U16Le(static_cast<uint16_t>(size < 0 ? data.size() + 18 : size)).Put(guid);
  return out.Release();
}

// An image with SEV metadata at its very start.
Bytes WithMetadata(const Bytes& metadata, uint32_t from_end = kSize) {
  ByteWriter offset;
  offset.U32Le(from_end);
  Bytes image = Image(Entry(kMetadata, offset.bytes()));
  std::copy(metadata.begin(), metadata.end(), image.begin());
  return image;
}

Bytes Metadata(std::string_view signature, uint32_t size, uint32_t version, uint32_t count) {
  ByteWriter out;
  out.Put(signature).U32Le(size).U32Le(version).U32Le(count);
  for (uint32_t i = 0; i < std::min(count, 8u); ++i) out.U32Le(0x1000 * i).U32Le(0x1000).U32Le(1);
  return out.Release();
}

std::string Refusal(const Bytes& image) {
  const auto layout = ParseFirmware(image);
  return layout.ok() ? "" : std::string(layout.status().message());
}

TEST(Firmware, ReadsTheStandInImage) {
  const auto layout = ParseFirmware(emulator::BuildStandInFirmware()).value();
  EXPECT_TRUE(layout.hash_table_gpa.has_value());
  EXPECT_TRUE(layout.reset_eip.has_value());
  size_t hash_sections = 0;
  for (const FirmwareSection& section : layout.sections) {
    hash_sections += section.type == kSectionKernelHashes;
    EXPECT_EQ(section.size % 4096, 0u);
  }
  EXPECT_EQ(hash_sections, 1u);
}

TEST(Firmware, ImagesWithoutATableAreEmpty) {
  for (size_t size : {0, 1, 49, 50, 4096}) {
    const auto layout = ParseFirmware(Bytes(size));
    ASSERT_TRUE(layout.ok()) << size;
    EXPECT_TRUE(layout->sections.empty());
    EXPECT_FALSE(layout->hash_table_gpa);
  }
}

TEST(Firmware, EmptyTableAndUnknownEntriesAreFine) {
  EXPECT_EQ(Refusal(Image({})), "");
  EXPECT_EQ(Refusal(Image(Entry(Guid{1}, {1, 2, 3}))), "");
}

TEST(Firmware, RefusesTablesThatDoNotFit) {
  EXPECT_THAT(Refusal(Image({}, 0)), HasSubstr("GUID table of 0"));
  EXPECT_THAT(Refusal(Image({}, 17)), HasSubstr("GUID table of 17"));
  EXPECT_THAT(Refusal(Image({}, 0xffff)), HasSubstr("does not fit"));
  EXPECT_THAT(Refusal(Image(Bytes(5))), HasSubstr("ends inside an entry"));
  EXPECT_THAT(Refusal(Image(Entry(Guid{1}, {}, 0))), HasSubstr("entry of 0"));
  EXPECT_THAT(Refusal(Image(Entry(Guid{1}, {}, 17))), HasSubstr("entry of 17"));
  EXPECT_THAT(Refusal(Image(Entry(Guid{1}, {}, 19))), HasSubstr("entry of 19"));
}

TEST(Firmware, RefusesShortAndDoubledEntries) {
  EXPECT_THAT(Refusal(Image(Entry(kHashTable, {1, 2, 3}))), HasSubstr("shorter than 4"));
  Bytes two = Entry(kHashTable, {1, 2, 3, 4});
  const Bytes again = two;
  two.insert(two.end(), again.begin(), again.end());
  EXPECT_THAT(Refusal(Image(two)), HasSubstr("two SEV hash table"));
}

TEST(Firmware, Metadata) {
  EXPECT_EQ(ParseFirmware(WithMetadata(Metadata("ASEV", 40, 1, 2))).value().sections.size(), 2u);
  EXPECT_EQ(Refusal(WithMetadata(Metadata("ASEV", 16, 1, 0))), "");
  EXPECT_THAT(Refusal(WithMetadata(Metadata("ASEX", 40, 1, 2))), HasSubstr("ASEV"));
  EXPECT_THAT(Refusal(WithMetadata(Metadata("ASEV", 40, 2, 2))), HasSubstr("version 2"));
  EXPECT_THAT(Refusal(WithMetadata(Metadata("ASEV", 39, 1, 2))), HasSubstr("does not fit"));
  EXPECT_THAT(Refusal(WithMetadata(Metadata("ASEV", 5000, 1, 2))), HasSubstr("does not fit"));
  EXPECT_THAT(Refusal(WithMetadata(Metadata("ASEV", 40, 1, 257))), HasSubstr("257 sections"));
  EXPECT_THAT(Refusal(WithMetadata(Metadata("ASEV", 40, 1, 0xffffffff))), HasSubstr("sections"));
  EXPECT_THAT(Refusal(WithMetadata(Metadata("ASEV", 40, 1, 2), kSize + 1)), HasSubstr("before"));
  EXPECT_NE(Refusal(WithMetadata(Metadata("ASEV", 40, 1, 2), 3)), "");
  EXPECT_NE(Refusal(WithMetadata(Metadata("ASEV", 40, 1, 2), 0)), "");
}

TEST(Firmware, NoByteOfATableCanMakeItFailBadly) {
  const Bytes good = emulator::BuildStandInFirmware();
  for (size_t i = 0; i < 160; ++i) {
    for (uint8_t value : {0x00, 0x7f, 0x80, 0xff}) {
      Bytes bad = good;
      bad[good.size() - 1 - i] = value;
      (void)ParseFirmware(bad);  // any outcome but a crash
      bad = good;
      bad[0x1000 + i] = value;
      (void)ParseFirmware(bad);
    }
  }
}

}  // namespace
}  // namespace nacre::tee::sev
