#include "tee/sev/report.h"

#include <gtest/gtest.h>

namespace nacre::tee::sev {
namespace {

// Every byte different from its neighbours, so that a field read from the wrong place shows.
Bytes Pattern(uint32_t version) {
  Bytes bytes(kReportSize);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7 + i / 256);
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<uint8_t>(version >> (8 * i));
  return bytes;
}

TEST(Report, RoundTripIsExactForEveryByte) {
  for (uint32_t version : {2u, 3u, 5u}) {
    const Bytes bytes = Pattern(version);
    const auto report = ParseReport(bytes);
    ASSERT_TRUE(report.ok());
    EXPECT_EQ(SerializeReport(*report), bytes);
  }
}

TEST(Report, FieldsStandAtTheirOffsets) {
  const Bytes bytes = Pattern(3);
  const Report report = ParseReport(bytes).value();
  EXPECT_EQ(report.policy.value & 0xff, bytes[0x08]);
  EXPECT_EQ(report.vmpl & 0xff, bytes[0x30]);
  EXPECT_EQ(report.current_tcb.raw[0], bytes[0x38]);
  EXPECT_EQ(report.key_info & 0xff, bytes[0x48]);
  EXPECT_EQ(report.report_data[0], bytes[0x50]);
  EXPECT_EQ(report.measurement[0], bytes[0x90]);
  EXPECT_EQ(report.host_data[31], bytes[0xdf]);
  EXPECT_EQ(report.report_id[0], bytes[0x140]);
  EXPECT_EQ(report.reported_tcb.raw[0], bytes[0x180]);
  EXPECT_EQ(report.cpuid_family, bytes[0x188]);
  EXPECT_EQ(report.chip_id[0], bytes[0x1a0]);
  EXPECT_EQ(report.committed_tcb.raw[0], bytes[0x1e0]);
  EXPECT_EQ(report.current_firmware.major, bytes[0x1ea]);
  EXPECT_EQ(report.committed_firmware.build, bytes[0x1ec]);
  EXPECT_EQ(report.launch_tcb.raw[0], bytes[0x1f0]);
  EXPECT_EQ(report.launch_mitigations & 0xff, bytes[0x1f8]);
  EXPECT_EQ(report.signature_r[0], bytes[0x2a0]);
  EXPECT_EQ(report.signature_s[0], bytes[0x2e8]);
  EXPECT_EQ(report.signature_reserved[0], bytes[0x330]);
}

TEST(Report, RefusesOtherSizesAndVersions) {
  for (size_t size : {size_t{0}, kReportSize - 1, kReportSize + 1, size_t{4096}}) {
    Bytes bytes = Pattern(3);
    bytes.resize(size);
    EXPECT_FALSE(ParseReport(bytes).ok()) << size;
  }
  for (uint32_t version : {0u, 1u, 6u, 0xffffffffu}) {
    EXPECT_FALSE(ParseReport(Pattern(version)).ok()) << version;
  }
}

TEST(Report, EveryPublishedVersionGoesThereAndBack) {
  for (uint32_t version : {2u, 3u, 4u, 5u}) {
    const Bytes bytes = Pattern(version);
    const auto report = ParseReport(bytes);
    ASSERT_TRUE(report.ok()) << version;
    EXPECT_EQ(SerializeReport(*report), bytes) << version;
  }
}

TEST(Report, SignatureIsReversedBothWays) {
  Bytes signature(96);
  for (size_t i = 0; i < signature.size(); ++i) signature[i] = static_cast<uint8_t>(i + 1);
  Report report;
  report.signature_algorithm = 1;
  ASSERT_TRUE(SetReportSignature(signature, &report).ok());
  EXPECT_EQ(report.signature_r[0], 48);
  EXPECT_EQ(report.signature_s[47], 49);
  EXPECT_EQ(ReportSignature(report).value(), signature);
  EXPECT_FALSE(SetReportSignature(ByteView(signature).first(95), &report).ok());
}

TEST(Report, SignatureRefusesUnsignedBytesAndAlgorithms) {
  Report good;
  good.signature_algorithm = 1;
  EXPECT_TRUE(ReportSignature(good).ok());
  for (uint32_t algorithm : {0u, 2u}) {
    Report bad = good;
    bad.signature_algorithm = algorithm;
    EXPECT_FALSE(ReportSignature(bad).ok());
  }
  Report bad = good;
  bad.signature_r[48] = 1;
  EXPECT_FALSE(ReportSignature(bad).ok());
  bad = good;
  bad.signature_s[71] = 1;
  EXPECT_FALSE(ReportSignature(bad).ok());
  bad = good;
  bad.signature_reserved[367] = 1;
  EXPECT_FALSE(ReportSignature(bad).ok());
}

TEST(Report, ProductByCpuid) {
  const auto product = [](uint8_t family, uint8_t model, uint32_t version = 3) {
    Report report;
    report.version = version;
    report.cpuid_family = family;
    report.cpuid_model = model;
    return ReportProduct(report);
  };
  EXPECT_EQ(product(0x19, 0x00), Product::kMilan);
  EXPECT_EQ(product(0x19, 0x0f), Product::kMilan);
  EXPECT_EQ(product(0x19, 0x10), Product::kGenoa);
  EXPECT_EQ(product(0x19, 0x1f), Product::kGenoa);
  EXPECT_EQ(product(0x19, 0x20), std::nullopt);
  EXPECT_EQ(product(0x19, 0x9f), std::nullopt);
  EXPECT_EQ(product(0x19, 0xa0), Product::kGenoa);
  EXPECT_EQ(product(0x19, 0xaf), Product::kGenoa);
  EXPECT_EQ(product(0x19, 0xb0), std::nullopt);
  EXPECT_EQ(product(0x1a, 0x11), Product::kTurin);
  EXPECT_EQ(product(0x1a, 0x12), std::nullopt);
  EXPECT_EQ(product(0x17, 0x01), std::nullopt);
  EXPECT_EQ(product(0x19, 0x01, 2), std::nullopt);
}

TEST(Tcb, LayoutDependsOnTheProduct) {
  const TcbComponents turin{.fmc = 1, .bootloader = 2, .tee = 3, .snp = 4, .microcode = 5};
  EXPECT_EQ(TcbVersion::FromComponents(Product::kTurin, turin).raw,
            (std::array<uint8_t, 8>{1, 2, 3, 4, 0, 0, 0, 5}));
  const TcbComponents milan{.fmc = 0, .bootloader = 2, .tee = 3, .snp = 4, .microcode = 5};
  const TcbVersion raw = TcbVersion::FromComponents(Product::kMilan, milan);
  EXPECT_EQ(raw.raw, (std::array<uint8_t, 8>{2, 3, 0, 0, 0, 0, 4, 5}));
  EXPECT_EQ(raw.Components(Product::kGenoa), milan);
  EXPECT_FALSE(raw.Components(Product::kTurin) == milan);
  EXPECT_EQ(milan.ToString(), "bootloader 2, tee 3, snp 4, microcode 5");
  EXPECT_EQ(turin.ToString(), "fmc 1, bootloader 2, tee 3, snp 4, microcode 5");
}

TEST(Product, NamesRoundTrip) {
  for (Product product : {Product::kMilan, Product::kGenoa, Product::kTurin}) {
    EXPECT_EQ(ParseProductName(ProductName(product)).value(), product);
  }
  EXPECT_FALSE(ParseProductName("milan").ok());
  EXPECT_FALSE(ParseProductName("").ok());
}

}  // namespace
}  // namespace nacre::tee::sev
