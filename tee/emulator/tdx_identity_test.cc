#include "tee/emulator/tdx_identity.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/status_testing.h"
#include "tee/emulator/tdx_platform.h"

namespace nacre::tee::emulator {
namespace {

constexpr int64_t kNow = 1'800'000'000;

TEST(TdxIdentity, SavedAndLoadedAgain) {
  ASSERT_OK_AND_ASSIGN(const auto folder, TemporaryDirectory::Create("tdx-identity"));
  ASSERT_OK_AND_ASSIGN(const TdxIdentity made, MakeTdxIdentity({.now = kNow}));
  const std::string path = folder.path() + "/machine";
  ASSERT_OK(SaveTdxIdentity(path, made));
  ASSERT_OK_AND_ASSIGN(const TdxIdentity loaded, LoadTdxIdentity(path));
  EXPECT_EQ(loaded.pck.certificate, made.pck.certificate);
  EXPECT_EQ(loaded.root.certificate, made.root.certificate);
  EXPECT_EQ(loaded.extension, EmulatedPck());
  EXPECT_TRUE(loaded.attestation_key.public_key() == made.attestation_key.public_key());
  EXPECT_STATUS(SaveTdxIdentity(path, made), kAlreadyExists, "already holds");
}

TEST(TdxIdentity, MissingAndForeignFilesAreNamed) {
  ASSERT_OK_AND_ASSIGN(const auto folder, TemporaryDirectory::Create("tdx-identity"));
  EXPECT_STATUS(LoadTdxIdentity(folder.path()), kNotFound, "tdx-root.pem");
  ASSERT_OK_AND_ASSIGN(const TdxIdentity one, MakeTdxIdentity({.now = kNow}));
  ASSERT_OK_AND_ASSIGN(const TdxIdentity other, MakeTdxIdentity({.now = kNow}));
  ASSERT_OK(SaveTdxIdentity(folder.path(), one));
  ASSERT_OK(
      WriteFileAtomic(folder.path() + "/tdx-pck.pem", AsBytes(other.pck.certificate.ToPem())));
  EXPECT_STATUS(LoadTdxIdentity(folder.path()), kInvalidArgument, "do not match");
}

TEST(TdxFault, NamesRoundTrip) {
  for (int i = 0; i <= static_cast<int>(TdxFault::kExpiredCollateral); ++i) {
    const auto fault = static_cast<TdxFault>(i);
    EXPECT_EQ(ParseTdxFault(TdxFaultName(fault)).value(), fault);
  }
  EXPECT_STATUS(ParseTdxFault("debugging"), kInvalidArgument, "stale-tcb");
}

}  // namespace
}  // namespace nacre::tee::emulator
