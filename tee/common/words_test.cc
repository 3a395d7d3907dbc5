#include <gtest/gtest.h>

#include "base/status_testing.h"
#include "tee/common/appraisal.h"
#include "tee/common/evidence.h"
#include "tee/common/hex_number.h"
#include "tee/common/refusal_class.h"
#include "tee/common/report_data.h"

namespace nacre::tee {
namespace {

TEST(ReportData, PadsWithZerosAndRefusesMore) {
  ASSERT_OK_AND_ASSIGN(const ReportData some, ReportData::FromBytes(Bytes{1, 2}));
  EXPECT_EQ(some.bytes[1], 2);
  EXPECT_EQ(some.bytes[2], 0);
  EXPECT_OK(ReportData::FromBytes(Bytes(64, 1)));
  EXPECT_STATUS(ReportData::FromBytes(Bytes(65)), kInvalidArgument, "65");
}

TEST(TeeKind, NamesRoundTrip) {
  for (TeeKind kind : {TeeKind::kSnp, TeeKind::kTdx, TeeKind::kTpm}) {
    EXPECT_EQ(ParseTeeName(TeeName(kind)).value(), kind);
  }
  EXPECT_STATUS(ParseTeeName("SNP"), kInvalidArgument, "'SNP'");
  EXPECT_FALSE(ParseTeeName("").ok());
}

TEST(HexNumber, RoundTripAndRefusals) {
  for (uint64_t value : {uint64_t{0}, uint64_t{0x21}, UINT64_MAX}) {
    EXPECT_EQ(ParseHexNumber(FormatHexNumber(value), "n").value(), value);
  }
  EXPECT_EQ(ParseHexNumber("0xAB", "n").value(), 0xabu);
  for (const char* bad : {"", "0x", "21", "x21", "0X21", "0x-1", "0x+1", "0x 1", "0x1 ", "0xg",
                          "0x10000000000000000"}) {
    EXPECT_STATUS(ParseHexNumber(bad, "features"), kInvalidArgument, "features") << bad;
  }
}

TEST(Appraisal, FirstFailureIsTheRefusal) {
  Appraisal appraisal;
  EXPECT_FALSE(appraisal.affirmed());  // nothing was checked
  EXPECT_TRUE(appraisal.Add("a", true, "1", "1"));
  EXPECT_TRUE(appraisal.affirmed());
  EXPECT_FALSE(appraisal.Add("b", false, "1", "2"));
  EXPECT_FALSE(appraisal.Add("c", false, "1", "2", "other"));
  EXPECT_EQ(appraisal.refusal, "b refused: expected 1, got 2");
  EXPECT_EQ(appraisal.refusal_class, RefusalClass::kUnclassified);
  EXPECT_FALSE(appraisal.affirmed());
  EXPECT_EQ(appraisal.checks.size(), 3u);
}

TEST(Appraisal, TheFirstFailureGivesTheClass) {
  Appraisal appraisal;
  EXPECT_TRUE(appraisal.Add(RefusalClass::kChain, "a", true, "1", "1"));
  EXPECT_EQ(appraisal.refusal_class, RefusalClass::kNone);
  EXPECT_FALSE(appraisal.AddError(RefusalClass::kChain, "b", "good",
                                  RefusedError(RefusalClass::kRevoked, "serial 7 is revoked")));
  EXPECT_FALSE(appraisal.Add(RefusalClass::kChipId, "c", false, "1", "2"));
  EXPECT_EQ(appraisal.refusal_class, RefusalClass::kRevoked);
  EXPECT_EQ(appraisal.refusal, "b refused: serial 7 is revoked");
}

TEST(RefusalClass, NamesRoundTripAndSurviveContext) {
  for (int i = 0; i <= static_cast<int>(RefusalClass::kArgument); ++i) {
    const auto value = static_cast<RefusalClass>(i);
    EXPECT_EQ(ParseRefusalClass(RefusalClassName(value)), value) << i;
    const absl::Status status = Annotate(RefusedError(value, "why"), "where");
    EXPECT_EQ(ClassOf(status, RefusalClass::kNone), value);
    EXPECT_EQ(ClassOf(WithClass(status, RefusalClass::kVmpl), RefusalClass::kNone), value);
  }
  EXPECT_EQ(ParseRefusalClass("chain"), std::nullopt);
  EXPECT_EQ(ClassOf(absl::UnauthenticatedError("x"), RefusalClass::kChain), RefusalClass::kChain);
  EXPECT_STATUS(RefusedError(RefusalClass::kFormat, "x"), kInvalidArgument, "x");
  EXPECT_STATUS(RefusedError(RefusalClass::kChain, "x"), kUnauthenticated, "x");
}

}  // namespace
}  // namespace nacre::tee
