#include "attestation/harness/guest_run.h"

#include <gmock/gmock.h>

#include "attestation/harness/served_broker.h"
#include "attestation/protocol/snp_evidence.h"
#include "base/status_testing.h"

namespace nacre::attestation::harness {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class GuestRunTest : public ::testing::Test {
 protected:
  GuestRunTest() { served.broker.Provision(); }
  RunReport Run(Guest& guest, const RunOptions& options = {.resource = "default/key/1"}) {
    auto probe = Probe::Create(served.target());
    EXPECT_OK(probe);
    return RunGuest(**probe, guest, options);
  }
  ServedBroker served;
};

TEST_F(GuestRunTest, EveryStepIsShownAndTheSecretIsNot) {
  auto guest = ServedBroker::Guest();
  RunReport report = Run(*guest);
  EXPECT_TRUE(report.released) << report.sentence;
  ASSERT_EQ(report.steps.size(), 6u);
  EXPECT_EQ(report.steps[5].facts[0].second, "6 bytes, decrypted");
  std::string text = FormatRun(report);
  EXPECT_THAT(text, HasSubstr("attested, and default/key/1 was released"));
  EXPECT_THAT(text, HasSubstr("-> POST /kbs/v0/attest"));
  EXPECT_THAT(text, HasSubstr("expires in: "));
  Json json = RunToJson(report);
  EXPECT_EQ(json["steps"][1]["answer"]["status"], 200);
  EXPECT_GT(json["total_us"].get<int64_t>(), 0);
}

TEST_F(GuestRunTest, EveryKindOfKey) {
  auto guest = ServedBroker::Guest();
  for (const char* key : {"P-384", "P-521", "RSA-2048"}) {
    EXPECT_TRUE(Run(*guest, {.key = key, .resource = "default/key/1"}).released) << key;
  }
  EXPECT_THAT(Run(*guest, {.key = "P-192"}).sentence, HasSubstr("want P-256"));
}

TEST_F(GuestRunTest, ARefusalEndsItAndNamesCodeAndId) {
  auto launch = testing::Chip::Get().Launch("another command line");
  ASSERT_OK_AND_ASSIGN(auto guest, EmulatedSnp::Create({.folder = ServedBroker::EmulatorFolder(),
                                                        .launch = launch}));
  RunReport report = Run(*guest);
  EXPECT_FALSE(report.attested);
  EXPECT_EQ(report.steps.back().name, "attest");
  EXPECT_THAT(report.sentence, HasSubstr("launch-measurement"));
  EXPECT_THAT(report.sentence, HasSubstr("nacre kbs explain "));
}

TEST_F(GuestRunTest, AMissingResourceIsAnAnswerToo) {
  auto guest = ServedBroker::Guest();
  RunReport report = Run(*guest, {.resource = "default/key/2"});
  EXPECT_TRUE(report.attested);
  EXPECT_FALSE(report.released);
  EXPECT_THAT(report.sentence, HasSubstr("404"));
}

TEST_F(GuestRunTest, EvidenceOfAFileIsForAnotherNonce) {
  ASSERT_OK_AND_ASSIGN(auto folder, TemporaryDirectory::Create("evidence"));
  auto guest = ServedBroker::Guest();
  ASSERT_OK_AND_ASSIGN(auto evidence, guest->Sign({}));
  ASSERT_OK_AND_ASSIGN(Json json, guest->Evidence({}));
  ASSERT_OK(WriteFile(folder.path() + "/raw", evidence.report));
  ASSERT_OK(WriteFile(folder.path() + "/json", AsBytes(json.dump())));
  for (const char* name : {"/json", "/raw"}) {
    ASSERT_OK_AND_ASSIGN(auto stored, FileGuest(folder.path() + name));
    RunReport report = Run(*stored);
    EXPECT_FALSE(report.attested) << name;
    EXPECT_THAT(FormatRun(report), HasSubstr("for another nonce"));
  }
  ASSERT_OK(WriteFile(folder.path() + "/none", AsBytes("{}")));
  EXPECT_STATUS(FileGuest(folder.path() + "/none").status(), kInvalidArgument, "no kind");
}

TEST_F(GuestRunTest, ABrokerThatIsNotThereIsNamed) {
  Target target = served.target();
  target.url = "https://127.0.0.1:1";
  auto guest = ServedBroker::Guest();
  ASSERT_OK_AND_ASSIGN(auto probe, Probe::Create(target));
  EXPECT_THAT(RunGuest(*probe, *guest, {}).sentence, HasSubstr("auth failed"));
}

}  // namespace
}  // namespace nacre::attestation::harness
