#include "cli/kbs_reference.h"

#include <gmock/gmock.h>

#include "base/encoding.h"
#include "base/status_testing.h"
#include "tee/sev/report.h"

namespace nacre::cli {
namespace {

using ::testing::HasSubstr;

Bytes Report() {
  tee::sev::Report report;
  report.version = 3;
  report.signature_algorithm = 1;
  report.measurement.fill(0xab);
  return tee::sev::SerializeReport(report);
}

TEST(CompareWithReferences, AnUnknownLaunchIsShownWithWhatWouldRegisterIt) {
  ASSERT_OK_AND_ASSIGN(std::string text, CompareWithReferences(Report(), {}, 0));
  const std::string measurement = HexEncode(Bytes(48, 0xab));
  EXPECT_THAT(text, HasSubstr("launch       " + measurement + " (SEV-SNP)\n"));
  EXPECT_THAT(text, HasSubstr("registered   no: "));
  EXPECT_THAT(text, HasSubstr("nacre kbs reference set snp_launch_measurement '[\"" + measurement +
                              "\"]'\n"));
  // Documents of other kinds are passed over.
  ASSERT_OK_AND_ASSIGN(std::string same, CompareWithReferences(Report(), {"[1]", "x"}, 0));
  EXPECT_EQ(same, text);
}

TEST(CompareWithReferences, WhatIsNoLaunchIsRefused) {
  EXPECT_STATUS(CompareWithReferences(AsBytes("hello"), {}, 0), kInvalidArgument, "");
  const Bytes report = Report();
  EXPECT_FALSE(CompareWithReferences(ByteView(report).first(1183), {}, 0).ok());
}

}  // namespace
}  // namespace nacre::cli
