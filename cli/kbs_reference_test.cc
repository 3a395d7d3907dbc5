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

TEST(FormatReference, SaysWhereAValueComesFromAndUntilWhenItCounts) {
  Json entry = {{"name", "web"},
                {"registered_at", 0},
                {"registered_by", "nacre-admin"},
                {"source_digest", "sha256:ab"},
                {"signer", ""},
                {"expires_at", 0}};
  EXPECT_EQ(*FormatReference(entry),
            "web\n  registered  1970-01-01T00:00:00Z by nacre-admin\n  from        sha256:ab\n"
            "  signed by   nobody\n  counts      always");
  entry["signer"] = "release/x";
  entry["expires_at"] = 60;
  entry["why_not_counted"] = "";
  EXPECT_THAT(*FormatReference(entry), HasSubstr("signed by   release/x\n  counts      until "
                                                 "1970-01-01T00:01:00Z"));
  entry["why_not_counted"] = "expired then";
  EXPECT_THAT(*FormatReference(entry), HasSubstr("counts      no: expired then"));
  entry.erase("signer");
  EXPECT_STATUS(FormatReference(entry), kInvalidArgument, "signer");
}

TEST(CompareWithReferences, WhatIsNoLaunchIsRefused) {
  EXPECT_STATUS(CompareWithReferences(AsBytes("hello"), {}, 0), kInvalidArgument, "");
  const Bytes report = Report();
  EXPECT_FALSE(CompareWithReferences(ByteView(report).first(1183), {}, 0).ok());
}

}  // namespace
}  // namespace nacre::cli
