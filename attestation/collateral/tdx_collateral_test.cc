#include "attestation/collateral/tdx_collateral.h"

#include <gtest/gtest.h>

#include "attestation/collateral/testing_machine.h"
#include "base/file.h"
#include "base/status_testing.h"

namespace nacre::attestation {
namespace {

class TdxCollateral : public ::testing::Test {
 protected:
  void SetUp() override { folder_ = TemporaryDirectory::Create("collateral").value(); }

  TdxCollateralStore Store(bool provisioned, bool cached, bool service) {
    TdxCollateralOptions options;
    if (provisioned) options.folder = folder_->path() + "/own";
    if (cached) options.cache_folder = folder_->path() + "/cache";
    if (service) {
      PcsOptions pcs;
      pcs.url = machine_.service.url();
      pcs.trust = machine_.trust;
      options.service = PcsClient::Create(std::move(pcs)).value();
    }
    return TdxCollateralStore(std::move(options));
  }
  std::string CacheBundle() {
    return StrCat(folder_->path(), "/cache/", BundleName(machine_.key, TcbUpdate::kStandard));
  }

  TestingMachine machine_;
  std::optional<TemporaryDirectory> folder_;
};

TEST_F(TdxCollateral, NobodyHasIt) {
  EXPECT_STATUS(Store(true, true, false).Get(machine_.key, kTestNow), kNotFound, "4e6163726500");
}

TEST_F(TdxCollateral, ProvisionedComesBeforeEverything) {
  ASSERT_OK(WriteBundle(folder_->path() + "/own", machine_.collateral, kTestNow));
  ASSERT_OK_AND_ASSIGN(const auto found, Store(true, true, true).Get(machine_.key, kTestNow));
  EXPECT_EQ(found.origin, folder_->path() + "/own");
  EXPECT_EQ(machine_.service.requests(), 0);
}

TEST_F(TdxCollateral, AProvisionedFolderMayHoldSeveralKinds) {
  const std::string own =
      StrCat(folder_->path(), "/own/", BundleName(machine_.key, TcbUpdate::kStandard));
  ASSERT_OK(WriteBundle(own, machine_.collateral, kTestNow));
  EXPECT_EQ(Store(true, false, false).Get(machine_.key, kTestNow)->origin, own);
  tee::tdx::CollateralKey other = machine_.key;
  other.fmspc[5] = 9;
  EXPECT_STATUS(Store(true, false, false).Get(other, kTestNow), kNotFound, "4e6163726509");
}

TEST_F(TdxCollateral, ExpiredProvisionedStandsInOnlyWithoutAService) {
  ASSERT_OK(WriteBundle(folder_->path() + "/own", machine_.collateral, kTestNow));
  const int64_t late = kTestNow + 31 * kTestDay;
  EXPECT_OK(Store(true, false, false).Get(machine_.key, late));
  // The service's own is as old: it is refused, and the old one says what expired.
  ASSERT_OK_AND_ASSIGN(const auto found, Store(true, false, true).Get(machine_.key, late));
  EXPECT_NE(found.note.find("older collateral"), std::string::npos);
  EXPECT_GT(machine_.service.requests(), 0);
}

TEST_F(TdxCollateral, FetchedOnceThenOffline) {
  ASSERT_OK_AND_ASSIGN(const auto first, Store(false, true, true).Get(machine_.key, kTestNow));
  EXPECT_EQ(first.origin, machine_.service.url());
  EXPECT_EQ(machine_.service.requests(), 4);
  machine_.service.Stop();
  ASSERT_OK_AND_ASSIGN(const auto second,
                       Store(false, true, true).Get(machine_.key, kTestNow + 60));
  EXPECT_EQ(second.origin, CacheBundle());
  EXPECT_EQ(second.collateral.tcb_info, first.collateral.tcb_info);
  EXPECT_OK(Store(false, true, false).Get(machine_.key, kTestNow + kTestDay * 20));
}

TEST_F(TdxCollateral, TheCacheHasItsOwnExpiry) {
  const auto store = Store(false, true, true);
  ASSERT_OK(store.Get(machine_.key, kTestNow));
  ASSERT_OK(store.Get(machine_.key, kTestNow + kTestDay - 1));
  EXPECT_EQ(machine_.service.requests(), 4);
  ASSERT_OK(store.Get(machine_.key, kTestNow + kTestDay));
  EXPECT_EQ(machine_.service.requests(), 8);
  EXPECT_EQ(BundleFetched(CacheBundle()).value(), kTestNow + kTestDay);
  machine_.service.Stop();
  ASSERT_OK_AND_ASSIGN(const auto old, store.Get(machine_.key, kTestNow + 5 * kTestDay));
  EXPECT_NE(old.note.find("older collateral"), std::string::npos);
}

TEST_F(TdxCollateral, AClockThatRanBackwardsMakesNothingFresh) {
  const auto store = Store(false, true, true);
  ASSERT_OK(store.Get(machine_.key, kTestNow + 10));
  ASSERT_OK(store.Get(machine_.key, kTestNow));
  EXPECT_EQ(machine_.service.requests(), 8);
}

TEST_F(TdxCollateral, ASpoiledCacheIsFetchedAgain) {
  const auto store = Store(false, true, true);
  ASSERT_OK(store.Get(machine_.key, kTestNow));
  ASSERT_OK(WriteFileAtomic(CacheBundle() + "/tcb-info.json", AsBytes("{}")));
  ASSERT_OK_AND_ASSIGN(const auto found, store.Get(machine_.key, kTestNow));
  EXPECT_EQ(found.origin, machine_.service.url());
  EXPECT_EQ(found.collateral.tcb_info, machine_.collateral.tcb_info);
}

TEST_F(TdxCollateral, ACacheThatCannotBeWrittenIsNoReasonToRefuse) {
  ASSERT_OK(WriteFileAtomic(folder_->path() + "/cache", AsBytes("a file")));
  ASSERT_OK_AND_ASSIGN(const auto found, Store(false, true, true).Get(machine_.key, kTestNow));
  EXPECT_NE(found.note.find("not cached"), std::string::npos);
}

}  // namespace
}  // namespace nacre::attestation
