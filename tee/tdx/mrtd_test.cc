#include "tee/tdx/mrtd.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "crypto/digest.h"
#include "tee/common/firmware_table.h"
#include "tee/tdx/test_firmware.h"

namespace nacre::tee::tdx {
namespace {

Bytes Record(std::string_view call, uint64_t gpa) {
  ByteWriter out;
  out.Put(call).Zeros(16 - call.size()).U64Le(gpa).Zeros(104);
  return out.Release();
}

TEST(Mrtd, OnePageByHand) {
  Bytes image(kTestFirmwareSize, 0x5a);
  const std::vector<TdvfSection> sections = {
      {0x100, 300, 0x1000, 0x1000, TdvfSectionType::kBfv, kTdvfMeasured},
      {0, 0, 0x9000, 0x2000, TdvfSectionType::kTempMem, 0},
      {0, 0, 0xc000, 0x1000, TdvfSectionType::kPermMem, kTdvfPageAug},
  };
  Bytes page(4096);
  std::fill_n(page.begin(), 300, 0x5a);
  ByteWriter all;
  all.Put(Record("MEM.PAGE.ADD", 0x1000));
  for (uint64_t at = 0; at < 4096; at += 256) {
    all.Put(Record("MR.EXTEND", 0x1000 + at)).Put(ByteView(page).subspan(at, 256));
  }
  all.Put(Record("MEM.PAGE.ADD", 0x9000)).Put(Record("MEM.PAGE.ADD", 0xa000));
  const Bytes expected = crypto::Digest(crypto::HashAlgorithm::kSha384, all.bytes());
  EXPECT_EQ(ComputeMrtd(image, sections), expected);
  EXPECT_EQ(ComputeMrtd(image, sections, MrtdOrder::kPerSection), expected);  // one page each
}

TEST(Mrtd, DependsOnCodeAndOrderButNotOnVariables) {
  Bytes image = BuildTestTdvf();
  const auto sections = TestSections();
  const Bytes mrtd = ComputeMrtd(image, sections);
  EXPECT_NE(ComputeMrtd(image, sections, MrtdOrder::kPerSection), mrtd);
  image[0x100] ^= 1;  // variables
  EXPECT_EQ(ComputeMrtd(image, sections), mrtd);
  image[0x4000] ^= 1;
  EXPECT_NE(ComputeMrtd(image, sections), mrtd);
}

// A real TDVF. The digests were computed apart from this code, by a script of the same rule.
TEST(Mrtd, DebiansFirmware) {
  const std::string path = "/usr/share/ovmf/OVMF.fd";
  if (!PathExists(path)) GTEST_SKIP() << path << " is missing (package ovmf)";
  ASSERT_OK_AND_ASSIGN(const Bytes image, ReadFile(path, kMaxFirmware));
  ASSERT_OK_AND_ASSIGN(const auto sections, ParseTdvf(image));
  EXPECT_GE(sections.size(), 6u);
  if (HexEncode(crypto::Digest(crypto::HashAlgorithm::kSha384, image)).substr(0, 16) !=
      "fa0dd56f4e3156e0") {
    GTEST_SKIP() << "another build than 2022.11-6+deb12u2";
  }
  EXPECT_EQ(HexEncode(ComputeMrtd(image, sections)),
            "4c7206f0f483c524f12c366c711e9049030a8d47c471ee5aa9c4999a08de4057"
            "fb887fed0744d5631a212967fb231c47");
  EXPECT_EQ(HexEncode(ComputeMrtd(image, sections, MrtdOrder::kPerSection)),
            "acccbcc870a381adab0d3919d90a7f268ac3b0364771f202ed4bb4e892d045b3"
            "3db3b32e6924cba830a724eed443f7e1");
}

}  // namespace
}  // namespace nacre::tee::tdx
