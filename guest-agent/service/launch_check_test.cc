#include "guest-agent/service/launch_check.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"
#include "guest-agent/service/agent.h"
#include "guest-agent/service/fake_evidence.h"

namespace nacre::guest_agent {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kDocument =
    "version = \"0.1.0\"\nalgorithm = \"sha384\"\n[data]\n\"policy.rego\" = 'allow = []'\n";

Bytes Digest(std::string_view document) { return *tee::InitdataDigest(document); }

TEST(LaunchCheck, AcceptsTheDocumentTheHardwareKnows) {
  FakeEvidence evidence(Digest(kDocument));
  const auto identity = CheckLaunch(kDocument, &evidence);
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(identity->initdata.data.at("policy.rego"), "allow = []");
  EXPECT_EQ(identity->initdata_digest, Digest(kDocument));
}

TEST(LaunchCheck, NamesBothDigestsWhenTheyDiffer) {
  FakeEvidence evidence(Digest(kDocument));
  const std::string other = StrCat(kDocument, " ");
  const auto status = CheckLaunch(other, &evidence).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(Message(status), HasSubstr(HexEncode(ByteView(Digest(kDocument)).first(32))));
  EXPECT_THAT(Message(status), HasSubstr(HexEncode(ByteView(Digest(other)).first(32))));
}

TEST(LaunchCheck, NoHostDataIsNoMatch) {
  FakeEvidence evidence(Bytes(32, 0));
  EXPECT_EQ(CheckLaunch(kDocument, &evidence).status().code(), absl::StatusCode::kPermissionDenied);
}

TEST(LaunchCheck, RefusesAReportForAnotherNonce) {
  FakeEvidence evidence(Digest(kDocument));
  evidence.echo_nonce = false;
  EXPECT_EQ(CheckLaunch(kDocument, &evidence).status().code(), absl::StatusCode::kDataLoss);
}

TEST(LaunchCheck, RefusesReportsThatAreNone) {
  FakeEvidence evidence(Digest(kDocument));
  evidence.truncate = true;
  EXPECT_FALSE(CheckLaunch(kDocument, &evidence).ok());
  FakeEvidence tpm(Digest(kDocument));
  tpm.kind = tee::TeeKind::kTpm;
  EXPECT_EQ(CheckLaunch(kDocument, &tpm).status().code(), absl::StatusCode::kUnimplemented);
  FakeEvidence silent(Digest(kDocument));
  silent.answers = false;
  EXPECT_EQ(CheckLaunch(kDocument, &silent).status().code(), absl::StatusCode::kUnavailable);
}

// The document's digest is SHA-384: all 48 bytes of MRCONFIGID count.
TEST(LaunchCheck, InATdMrconfigidDecides) {
  FakeEvidence evidence(Digest(kDocument));
  evidence.kind = tee::TeeKind::kTdx;
  EXPECT_TRUE(CheckLaunch(kDocument, &evidence).ok()) << CheckLaunch(kDocument, &evidence).status();
  for (const size_t at : {0, 31, 32, 47}) {
    Bytes other = Digest(kDocument);
    other[at] ^= 1;
    FakeEvidence changed(other);
    changed.kind = tee::TeeKind::kTdx;
    const auto status = CheckLaunch(kDocument, &changed).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << at;
    EXPECT_THAT(Message(status), HasSubstr(HexEncode(other)));
  }
}

TEST(LaunchCheck, ATdreportThatIsNoneIsRefused) {
  for (bool FakeEvidence::*fault :
       {&FakeEvidence::truncate, &FakeEvidence::wrong_hash, &FakeEvidence::echo_nonce}) {
    FakeEvidence evidence(Digest(kDocument));
    evidence.kind = tee::TeeKind::kTdx;
    evidence.*fault = !(evidence.*fault);
    EXPECT_FALSE(CheckLaunch(kDocument, &evidence).ok());
  }
}

TEST(LaunchCheck, RefusesADocumentThatIsNotInitdata) {
  FakeEvidence evidence(Bytes(32, 0));
  EXPECT_FALSE(CheckLaunch("", &evidence).ok());
  EXPECT_FALSE(CheckLaunch("x = 1", &evidence).ok());
}

// What RunAgent does before it opens a port: its error is the only way on. A FIFO is the port.
class ProveGuestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* folder : {"class/vport1p1", "dev", "links"}) {
      ASSERT_TRUE(MakeDirectories(StrCat(root_.path(), "/", folder)).ok());
    }
    const std::string node = root_.path() + "/dev/vport1p1";
    ASSERT_EQ(mkfifo(node.c_str(), 0600), 0);
    host_ = *OpenFile(node, O_RDWR);
    Write("class/vport1p1/name", AsBytes("org.nacre.initdata.0\n"));
    Write("cmdline", AsBytes("quiet nacre.tee=emulated\n"));
  }
  void Write(const std::string& name, ByteView data) {
    ASSERT_TRUE(WriteFile(root_.path() + "/" + name, data).ok());
  }
  absl::Status Prove(Bytes host_data) {
    EXPECT_TRUE(WriteAll(host_.get(), *tee::EncodeInitdataImage(kDocument)).ok());
    std::unique_ptr<tee::EvidenceSource> evidence = std::make_unique<FakeEvidence>(host_data);
    const AgentPaths paths = {
        .command_line = root_.path() + "/cmdline",
        .ports = {root_.path() + "/links", root_.path() + "/class", root_.path() + "/dev"},
        .device_timeout_ms = 10};
    return ProveGuest(paths, &evidence).status();
  }
  TemporaryDirectory root_ = TemporaryDirectory::Create("prove").value();
  UniqueFd host_;
};

TEST_F(ProveGuestTest, AcceptsAnHonestLaunch) {
  const absl::Status proven = Prove(Digest(kDocument));
  EXPECT_TRUE(proven.ok()) << proven;
}

TEST_F(ProveGuestTest, RefusesAnotherDigest) {
  Bytes other = Digest(kDocument);
  other[31] ^= 1;
  EXPECT_EQ(Prove(other).code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(ProveGuestTest, RefusesAMissingPort) {
  Write("class/vport1p1/name", AsBytes("org.nacre.initdata.1\n"));
  EXPECT_EQ(Prove(Digest(kDocument)).code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ProveGuestTest, RefusesAnUnknownArgument) {
  Write("cmdline", AsBytes("quiet nacre.debug_console=1"));
  EXPECT_EQ(Prove(Digest(kDocument)).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace nacre::guest_agent
