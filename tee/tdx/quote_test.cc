#include "tee/tdx/quote.h"

#include <gtest/gtest.h>

#include "base/status_testing.h"
#include "tee/common/refusal_class.h"
#include "tee/emulator/tdx_platform.h"
#include "tee/tdx/td_report.h"

namespace nacre::tee::tdx {
namespace {

Bytes Genuine(uint16_t version = 4) {
  auto identity = emulator::MakeTdxIdentity({.now = 1'800'000'000});
  return emulator::TdxPlatform::Create(*std::move(identity), {version, emulator::EmulatedTd(), {}})
      ->Quote({})
      .value();
}

RefusalClass ClassOfParsing(ByteView bytes) {
  return ClassOf(ParseQuote(bytes).status(), RefusalClass::kNone);
}

TEST(Quote, BothVersionsAtTheirOffsets) {
  for (uint16_t version : {4, 5}) {
    const Bytes bytes = Genuine(version);
    ASSERT_OK_AND_ASSIGN(const Quote quote, ParseQuote(bytes));
    EXPECT_EQ(quote.signed_size, version == 4 ? 48u + 584 : 48u + 6 + 648);
    EXPECT_EQ(quote.size, bytes.size());
    EXPECT_EQ(quote.trailing, 0u);
    EXPECT_EQ(SerializeQuote(quote), bytes);
    EXPECT_EQ(quote.td->xfam, 0x602e7u);
    EXPECT_EQ(quote.td->td_attributes, kTdSeptVeDisable);
  }
}

TEST(Quote, TrailingBytesAreCountedNeverRead) {
  Bytes bytes = Genuine();
  const size_t size = bytes.size();
  bytes.resize(8000, 0xee);
  ASSERT_OK_AND_ASSIGN(const Quote quote, ParseQuote(bytes));
  EXPECT_EQ(quote.size, size);
  EXPECT_EQ(quote.trailing, 8000 - size);
}

TEST(Quote, HugeLengthsCostNothing) {
  Bytes bytes = Genuine();
  for (size_t i = 0; i < 4; ++i) bytes[632 + i] = 0xff;
  EXPECT_EQ(ClassOfParsing(bytes), RefusalClass::kFormat);
  EXPECT_EQ(ClassOfParsing(Bytes(kMaxQuoteSize + 1)), RefusalClass::kFormat);
}

TEST(Quote, EveryBeginningIsRefusedAsFormat) {
  const Bytes bytes = Genuine(5);
  for (size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_EQ(ClassOfParsing(ByteView(bytes).first(size)), RefusalClass::kFormat) << size;
  }
}

TEST(Quote, UnknownVersionsTypesAndKeysAreUnsupported) {
  const Bytes bytes = Genuine();
  const struct {
    size_t offset;
    uint8_t value;
  } kCases[] = {{0, 2}, {0, 6}, {0, 3}, {2, 3}, {4, 0}, {4, 0x82}};
  for (const auto& test : kCases) {
    Bytes changed = bytes;
    changed[test.offset] = test.value;
    EXPECT_EQ(ClassOfParsing(changed), RefusalClass::kUnsupported) << test.offset;
  }
}

TEST(Quote, LengthsMustAgreeExactly) {
  ASSERT_OK_AND_ASSIGN(Quote quote, ParseQuote(Genuine()));
  quote.signature.qe_auth_data.clear();
  EXPECT_OK(ParseQuote(SerializeQuote(quote)));
  Bytes padded = SerializeQuote(quote);
  padded.resize(padded.size() + 8);
  const uint32_t inner = static_cast<uint32_t>(padded.size() - quote.signed_size - 4);
  // The signature data claims the eight bytes, and nothing in it does.
  for (size_t i = 0; i < 4; ++i) {
    padded[quote.signed_size + i] = static_cast<uint8_t>(inner >> (8 * i));
  }
  EXPECT_EQ(ClassOfParsing(padded), RefusalClass::kFormat);
}

TEST(TdReport, RoundTripAndHashes) {
  TdReport report;
  report.report_type[0] = 0x81;
  report.td = emulator::EmulatedTd();
  report.td.td15.emplace();
  report.td.td15->mrservicetd.fill(9);
  report.td.rtmr[3].fill(3);
  const Bytes bytes = SerializeTdReport(report);
  ASSERT_EQ(bytes.size(), kTdReportSize);
  EXPECT_EQ(bytes[864], 3);  // RTMR3
  ASSERT_OK_AND_ASSIGN(const TdReport read, ParseTdReport(bytes));
  EXPECT_EQ(read.td, report.td);
  EXPECT_EQ(SerializeTdReport(read), bytes);
  EXPECT_STATUS(CheckTdReportHashes(read), kInvalidArgument, "TEE_TCB_INFO");
}

TEST(TdReport, OtherSizesAndTypesAreRefused) {
  Bytes bytes(kTdReportSize);
  EXPECT_EQ(ClassOf(ParseTdReport(bytes).status(), {}), RefusalClass::kTypeMismatch);
  bytes[0] = 0x81;
  EXPECT_OK(ParseTdReport(bytes));
  for (size_t size : {size_t{0}, kTdReportSize - 1, kTdReportSize + 1}) {
    EXPECT_EQ(ClassOf(ParseTdReport(Bytes(size, 0x81)).status(), {}), RefusalClass::kFormat);
  }
}

}  // namespace
}  // namespace nacre::tee::tdx
