#include "attestation/collateral/tdx_bundle.h"

#include <gtest/gtest.h>

#include "attestation/collateral/testing_machine.h"
#include "base/file.h"
#include "base/status_testing.h"

namespace nacre::attestation {
namespace {

TEST(TdxBundle, WrittenAndReadAgain) {
  const TestingMachine machine;
  ASSERT_OK_AND_ASSIGN(const auto folder, TemporaryDirectory::Create("bundle"));
  const std::string path = folder.path() + "/" + BundleName(machine.key, TcbUpdate::kStandard);
  EXPECT_TRUE(path.ends_with("/tdx-4e6163726500-platform-standard"));
  EXPECT_STATUS(ReadBundle(path), kNotFound, "tcb-info.json");
  ASSERT_OK(WriteBundle(path, machine.collateral, kTestNow));
  ASSERT_OK_AND_ASSIGN(const auto read, ReadBundle(path));
  EXPECT_EQ(read.tcb_info, machine.collateral.tcb_info);
  EXPECT_EQ(read.qe_identity, machine.collateral.qe_identity);
  EXPECT_EQ(read.signing_certificates, machine.collateral.signing_certificates);
  EXPECT_EQ(read.crls, machine.collateral.crls);
  EXPECT_EQ(BundleFetched(path).value(), kTestNow);
}

TEST(TdxBundle, AFolderThatIsNotWholeSaysSo) {
  const TestingMachine machine;
  ASSERT_OK_AND_ASSIGN(const auto folder, TemporaryDirectory::Create("bundle"));
  ASSERT_OK(WriteBundle(folder.path(), machine.collateral, kTestNow));
  ASSERT_OK(RemoveTree(folder.path() + "/pck-ca.crl"));
  EXPECT_STATUS(ReadBundle(folder.path()), kNotFound, "pck-ca.crl");
  ASSERT_OK(RemoveTree(folder.path() + "/fetched"));
  EXPECT_STATUS(BundleFetched(folder.path()), kNotFound, "fetched");
  ASSERT_OK(WriteFileAtomic(folder.path() + "/fetched", AsBytes("soon")));
  EXPECT_STATUS(BundleFetched(folder.path()), kNotFound, "no time in it");
  tee::tdx::Collateral one_crl = machine.collateral;
  one_crl.crls.pop_back();
  EXPECT_STATUS(WriteBundle(folder.path(), one_crl, kTestNow), kInvalidArgument, "1 CRLs");
}

TEST(TdxBundle, CrlsInEveryFormThatServicesGive) {
  const TestingMachine machine;
  const Bytes& der = machine.collateral.crls[0];
  EXPECT_EQ(CrlDer(der).value(), der);
  EXPECT_EQ(CrlDer(AsBytes(HexEncode(der))).value(), der);
  EXPECT_EQ(CrlDer(AsBytes(HexEncode(der) + "\n")).value(), der);
  const std::string pem =
      StrCat("-----BEGIN X509 CRL-----\n", Base64Encode(der), "\n-----END X509 CRL-----\n");
  EXPECT_EQ(CrlDer(AsBytes(pem)).value(), der);
  for (std::string_view bad : {"", "00", "-----BEGIN X509 CRL-----\n", "text"}) {
    EXPECT_FALSE(CrlDer(AsBytes(bad)).ok()) << bad;
  }
  EXPECT_FALSE(CrlDer(ByteView(der).first(der.size() - 1)).ok());
}

TEST(TdxBundle, ExpiresWithItsFirstPart) {
  const TestingMachine machine;
  tee::tdx::Collateral collateral = machine.collateral;
  EXPECT_EQ(ExpiryOf(ParseCollateral(collateral).value()).value(), kTestNow + 30 * kTestDay);
  collateral.crls[1] = machine.platform.MakeCrl(false, {}, kTestNow, kTestNow + 7).value();
  EXPECT_EQ(ExpiryOf(ParseCollateral(collateral).value()).value(), kTestNow + 7);
}

TEST(TcbUpdate, NamesRoundTrip) {
  for (auto update : {TcbUpdate::kStandard, TcbUpdate::kEarly}) {
    EXPECT_EQ(ParseTcbUpdate(TcbUpdateName(update)).value(), update);
  }
  EXPECT_STATUS(ParseTcbUpdate("late"), kInvalidArgument, "'late'");
}

}  // namespace
}  // namespace nacre::attestation
