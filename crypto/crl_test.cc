#include "crypto/crl.h"

#include "base/encoding.h"
#include "base/status_testing.h"
#include "crypto/chain_testing.h"

namespace nacre::crypto {
namespace {

TEST(CrlTest, RevokesBySerial) {
  Crl crl = MakeCrl(TestChain().root, RsaKey(), {{1, 2, 3}, {0}});
  EXPECT_OK(crl.Verify(TestChain().root, kNow));
  EXPECT_EQ(crl.revoked_count(), 2u);
  EXPECT_TRUE(crl.IsRevoked(Bytes{1, 2, 3}));
  EXPECT_TRUE(crl.IsRevoked(Bytes{0}));
  EXPECT_FALSE(crl.IsRevoked(Bytes{1, 2}));
  EXPECT_FALSE(crl.IsRevoked(Bytes{1, 2, 3, 0}));
  EXPECT_EQ(MakeCrl(TestChain().root, RsaKey(), {}).revoked_count(), 0u);
}

TEST(CrlTest, TimeAtItsEdges) {
  Crl crl = MakeCrl(TestChain().root, RsaKey(), {});
  EXPECT_OK(crl.Verify(TestChain().root, crl.this_update()));
  EXPECT_STATUS(crl.Verify(TestChain().root, crl.this_update() - 1), kUnauthenticated,
                "valid from 2025-06-14");
  EXPECT_OK(crl.Verify(TestChain().root, *crl.next_update() - 1));
  EXPECT_STATUS(crl.Verify(TestChain().root, *crl.next_update()), kUnauthenticated,
                "out of date since 2025-06-16");
}

TEST(CrlTest, MustBeTheIssuers) {
  Crl crl = MakeCrl(TestChain().root, RsaKey(), {});
  EXPECT_STATUS(crl.Verify(TestChain().intermediate, kNow), kUnauthenticated, "not of CN=SEV-Test");
  Crl forged = MakeCrl(TestChain().root, IntermediateKey(), {});
  EXPECT_STATUS(forged.Verify(TestChain().root, kNow), kUnauthenticated,
                "signature does not verify");
  Certificate leaf = MakeLeaf(LeafRequest(), TestChain().intermediate);
  absl::StatusOr<Bytes> by_leaf = MakeCrlDer({kNow - kDay, kNow + kDay, {}}, leaf,
                                             EcKey(Curve::kP384), SignatureScheme::kEcdsaSha384);
  ASSERT_OK(by_leaf);
  EXPECT_STATUS(Crl::FromDer(*by_leaf)->Verify(leaf, kNow), kUnauthenticated, "may not sign CRLs");
}

TEST(CrlTest, RefusesWhatIsNotOneCrl) {
  Bytes der = *MakeCrlDer({kNow, kNow + kDay, {}}, TestChain().root, RsaKey(), kPss);
  EXPECT_OK(Crl::FromDer(der));
  der.push_back(0);
  EXPECT_STATUS(Crl::FromDer(der), kInvalidArgument, "bytes after");
  EXPECT_STATUS(Crl::FromDer({}), kInvalidArgument, "not DER");
  EXPECT_STATUS(Crl::FromDer(TestChain().root.der()), kInvalidArgument, "not DER");
  EXPECT_STATUS(Crl::FromPem(TestChain().root.ToPem()), kInvalidArgument, "'CERTIFICATE'");
}

TEST(CrlTest, ChainWithCrls) {
  ChainOptions options = Options();
  options.crls = {MakeCrl(TestChain().root, RsaKey(), {})};
  EXPECT_OK(VerifyChain(TestChain().leaf, options));
  options.require_crls = true;
  EXPECT_STATUS(VerifyChain(TestChain().leaf, options), kUnauthenticated,
                "certificate 0 (CN=leaf,C=US,OU=Engineering): no CRL of its issuer");
  options.crls.push_back(MakeCrl(TestChain().intermediate, IntermediateKey(), {}));
  EXPECT_OK(VerifyChain(TestChain().leaf, options));
}

TEST(CrlTest, RevokedCertificatesEndTheChain) {
  ChainOptions options = Options();
  options.crls = {MakeCrl(TestChain().root, RsaKey(), {TestChain().intermediate.serial()})};
  EXPECT_STATUS(VerifyChain(TestChain().leaf, options), kUnauthenticated,
                "certificate 1 (CN=SEV-Test,C=US,OU=Engineering): revoked");
  options.crls = {MakeCrl(TestChain().intermediate, IntermediateKey(), {{0}})};
  EXPECT_STATUS(VerifyChain(TestChain().leaf, options), kUnauthenticated,
                "certificate 0 (CN=leaf,C=US,OU=Engineering): revoked");
}

TEST(CrlTest, AStaleOrForgedCrlEndsTheChain) {
  ChainOptions options = Options();
  options.crls = {MakeCrl(TestChain().root, RsaKey(), {}, kNow - 2 * kDay, kNow - kDay)};
  EXPECT_STATUS(VerifyChain(TestChain().leaf, options), kUnauthenticated, "out of date");
  options.crls = {MakeCrl(TestChain().root, IntermediateKey(), {})};
  EXPECT_STATUS(VerifyChain(TestChain().leaf, options), kUnauthenticated, "does not verify");
}

}  // namespace
}  // namespace nacre::crypto
