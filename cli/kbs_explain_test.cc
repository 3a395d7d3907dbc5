#include "cli/kbs_explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nacre::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

Json Refused() {
  return {
      {"id", "00ff"},
      {"time", 1'800'000'000},
      {"peer", "10.0.2.2:5"},
      {"tee", "snp"},
      {"emulated", true},
      {"root", "emulated ARK-Milan"},
      {"verdict", "refused"},
      {"summary",
       "launch measurement refused: command line differs at argument 9: expected "
       "nothing, got 'nacre.demo=changed'"},
      {"checks",
       {{{"name", "VMPL"}, {"passed", true}, {"expected", "0"}, {"got", "0"}},
        {{"name", "launch measurement"}, {"passed", false}, {"expected", "aa"}, {"got", "bb"}}}}};
}

TEST(FormatExplanation, ARefusalEndsInOneSentence) {
  auto text = FormatExplanation(Refused());
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, R"(attestation 00ff, 2027-01-15T08:00:00Z, from 10.0.2.2:5
tee         snp, emulated (root: emulated ARK-Milan)
  passed  VMPL
  FAILED  launch measurement
            expected  aa
            got       bb
)"
                   "refused: launch measurement: command line differs at argument 9: expected "
                   "nothing, got 'nacre.demo=changed'\n");
}

TEST(FormatExplanation, TheClassAndWhatCameBesideItStandBeforeTheVerdict) {
  Json refused = Refused();
  refused["class"] = "MEASUREMENT";
  refused["additional"] =
      Json::array({{{"tee", "tdx"}, {"verdict", "affirming"}, {"refusal", ""}}});
  auto text = FormatExplanation(refused);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, HasSubstr("beside it   tdx, affirming\nclass       MEASUREMENT\nrefused: "));
  refused["class"] = "NONE";
  EXPECT_THAT(*FormatExplanation(refused), Not(HasSubstr("class")));
}

TEST(FormatExplanation, PoliciesTheNearestLaunchAndWhatToDo) {
  Json refused = Refused();
  refused["code"] = "launch-measurement";
  refused["policy"] = "default_cpu";
  refused["status"] = "warning";
  refused["trace"] = "resource:3:1: x == 1\n  left: 2";
  refused["claims"] = {{"nearest_reference", "pearl"}};
  auto text = FormatExplanation(refused);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, HasSubstr("nearest     reference value 'pearl'\n"
                               "policy      default_cpu: warning\n"
                               "            resource:3:1: x == 1\n"
                               "              left: 2\nrefused: launch"));
  EXPECT_THAT(*text, HasSubstr("\nwhat to do  if this launch is meant: nacre measure"));
}

TEST(FormatExplanation, AnAcceptanceNamesItsReference) {
  Json accepted = Refused();
  accepted["verdict"] = "affirming";
  accepted["emulated"] = false;
  accepted["reference"] = "pearl";
  accepted["summary"] = "accepted: reference value 'pearl' matches";
  auto text = FormatExplanation(accepted);
  ASSERT_TRUE(text.ok());
  EXPECT_THAT(*text, HasSubstr("reference   pearl\n"));
  EXPECT_THAT(*text, Not(HasSubstr("snp, emulated")));
  EXPECT_THAT(*text, EndsWith("\naccepted: reference value 'pearl' matches\n"));
}

TEST(FormatExplanation, AResourceRefusalNamesTheResource) {
  Json refused = Refused();
  refused["checks"] = Json::array();
  refused["resource"] = "default/key/1";
  refused["attestation"] = "1234";
  refused["summary"] = "resource refused: the hardware is emulated";
  auto text = FormatExplanation(refused);
  ASSERT_TRUE(text.ok());
  EXPECT_THAT(*text, HasSubstr("resource    default/key/1\nattestation 1234\n"));
  EXPECT_THAT(*text, EndsWith("refused: resource: the hardware is emulated\n"));
}

TEST(FormatExplanation, TextOfTheGuestCannotDriveTheTerminal) {
  Json refused = Refused();
  refused["summary"] = "got '\x1b[2J\r\n'";
  auto text = FormatExplanation(refused);
  ASSERT_TRUE(text.ok());
  EXPECT_THAT(*text, EndsWith("refused: got '?[2J\?\?'\n"));
}

TEST(FormatExplanation, OtherShapesAreRefused) {
  EXPECT_FALSE(FormatExplanation(Json::object()).ok());
  Json bad = Refused();
  bad["checks"] = "none";
  EXPECT_FALSE(FormatExplanation(bad).ok());
  bad["checks"] = Json::array({{{"name", "x"}}});
  EXPECT_FALSE(FormatExplanation(bad).ok());
}

}  // namespace
}  // namespace nacre::cli
