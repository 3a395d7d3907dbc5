// SNP evidence that brings no certificates, as most hosts' does: the broker finds them.
#include <gmock/gmock.h>

#include "attestation/broker/testing.h"
#include "attestation/collateral/kds.h"
#include "base/status_testing.h"
#include "tee/emulator/identity.h"

namespace nacre::attestation::testing {
namespace {

using ::testing::HasSubstr;

class SnpCollateralTest : public ::testing::Test {
 protected:
  SnpCollateralTest() : identity(*tee::emulator::LoadIdentity(EmulatorFolder())) {
    const auto report = *tee::sev::ParseReport(Chip::Get().Sign(Chip::Get().Launch(), {}).report);
    Write(KdsFileName(*VcekRequestOf(report, identity.product)), identity.leaf.der());
    const std::string chain = identity.intermediate.ToPem() + identity.ark.ToPem();
    Write(KdsFileName({KdsDocument::kVcekChain, identity.product}), AsBytes(chain));
  }
  static std::string EmulatorFolder() {
    const std::string ark = Chip::Get().ark_path();
    return ark.substr(0, ark.rfind('/'));
  }
  void Write(const std::string& name, ByteView bytes) {
    ASSERT_OK(WriteFile(folder.path() + "/" + name, bytes, 0600));
  }
  void WriteCrl(int64_t from, int64_t to, std::vector<Bytes> revoked = {}) {
    const auto crl = tee::emulator::MakeArkCrl(
        EmulatorFolder(), identity,
        {.this_update = from, .next_update = to, .revoked_serials = std::move(revoked)});
    ASSERT_OK(crl);
    Write(KdsFileName({KdsDocument::kVcekCrl, identity.product}), *crl);
  }
  std::function<void(BrokerConfig&)> Configure(bool require_crl = false) {
    return [this, require_crl](BrokerConfig& config) {
      config.snp_collateral = folder.path();
      config.snp_require_crl = require_crl;
    };
  }
  // The handshake of a guest whose host gives it no certificates.
  static Answer Bare(TestBroker& broker) {
    TestGuest guest(broker);
    EXPECT_EQ(guest.Auth().response.status, 200);
    Attestation attestation = guest.GoodAttestation();
    attestation.primary_evidence["cert_chain"] = nullptr;
    return guest.Attest(attestation);
  }
  static std::string Refusal(TestBroker& broker) { return broker.LastExplanation()["summary"]; }

  TemporaryDirectory folder = *TemporaryDirectory::Create("snp-collateral");
  tee::emulator::Identity identity;
};

TEST_F(SnpCollateralTest, WhatEvidenceDoesNotBringIsFound) {
  TestBroker broker(Configure());
  broker.Provision();
  EXPECT_EQ(Bare(broker).response.status, 200) << Refusal(broker);
  EXPECT_EQ(TestGuest(broker).Run().response.status, 200);
}

TEST_F(SnpCollateralTest, WithoutASourceItIsRefused) {
  TestBroker broker;
  broker.Provision();
  EXPECT_EQ(Bare(broker).response.status, 401);
}

TEST_F(SnpCollateralTest, WhatIsNowhereIsNamed) {
  ASSERT_OK(RemoveTree(folder.path()));
  TestBroker broker(Configure());
  broker.Provision();
  EXPECT_EQ(Bare(broker).response.status, 401);
  EXPECT_THAT(Refusal(broker), HasSubstr("-vcek-"));
  EXPECT_THAT(Refusal(broker), HasSubstr("at hand"));
}

TEST_F(SnpCollateralTest, CrlsOfTheFolderCount) {
  TestBroker broker(Configure(true));
  broker.Provision();
  EXPECT_EQ(Bare(broker).response.status, 401);  // demanded, and there is none
  WriteCrl(broker.now - 100, broker.now + 100);
  EXPECT_EQ(Bare(broker).response.status, 200) << Refusal(broker);
  WriteCrl(broker.now - 200, broker.now - 100);
  EXPECT_EQ(Bare(broker).response.status, 401);
  WriteCrl(broker.now + 100, broker.now + 200);
  EXPECT_EQ(Bare(broker).response.status, 401);
  WriteCrl(broker.now - 100, broker.now + 100, {identity.intermediate.serial()});
  EXPECT_EQ(Bare(broker).response.status, 401);
  EXPECT_THAT(Refusal(broker), HasSubstr("revocation"));
}

TEST_F(SnpCollateralTest, AFileThatIsNoCertificateIsNamed) {
  const auto report = *tee::sev::ParseReport(Chip::Get().Sign(Chip::Get().Launch(), {}).report);
  const std::string name = KdsFileName(*VcekRequestOf(report, identity.product));
  Write(name, AsBytes("not a certificate"));
  TestBroker broker(Configure());
  broker.Provision();
  EXPECT_EQ(Bare(broker).response.status, 401);
  EXPECT_THAT(Refusal(broker), HasSubstr(name));
}

}  // namespace
}  // namespace nacre::attestation::testing
