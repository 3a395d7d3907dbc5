#include "tee/tpm/sealed_object.h"

#include "base/status_testing.h"
#include "tee/tpm/device.h"
#include "tee/tpm/swtpm_testing.h"

namespace nacre::tee::tpm {
namespace {

class SealedObjectTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto tpm = SoftwareTpm::Start();
    if (absl::IsNotFound(tpm.status())) GTEST_SKIP() << "no software TPM: " << tpm.status();
    ASSERT_OK(tpm);
    tpm_ = *std::move(tpm);
  }
  std::unique_ptr<SoftwareTpm> tpm_;
};

TEST_F(SealedObjectTest, ComesBackFromTheSameTpmOnly) {
  ASSERT_OK_AND_ASSIGN(SealedObject object, SealToTpm(tpm_->socket(), AsBytes("secret"), {}));
  ASSERT_OK_AND_ASSIGN(SecretBytes plain, UnsealFromTpm(tpm_->socket(), object));
  EXPECT_EQ(AsText(plain.view()), "secret");
  EXPECT_EQ(AsText(object.private_area).find("secret"), std::string_view::npos);
  ASSERT_OK_AND_ASSIGN(auto other, SoftwareTpm::Start());
  EXPECT_STATUS(UnsealFromTpm(other->socket(), object), kUnauthenticated, "another TPM");
}

TEST_F(SealedObjectTest, WithPcrsOnlyWhileTheyAreWhatTheyWere) {
  ASSERT_OK_AND_ASSIGN(SealedObject object,
                       SealToTpm(tpm_->socket(), Bytes(kMaxSealedSecret, 7), {7, 23}));
  ASSERT_OK_AND_ASSIGN(SecretBytes plain, UnsealFromTpm(tpm_->socket(), object));
  EXPECT_EQ(ToBytes(plain.view()), Bytes(kMaxSealedSecret, 7));
  SealedObject without = object;
  without.pcrs.clear();
  EXPECT_FALSE(UnsealFromTpm(tpm_->socket(), without).ok());
  {
    ASSERT_OK_AND_ASSIGN(auto device, TpmDevice::Open(tpm_->socket()));
    ASSERT_OK(device->Extend(23, {{Bank::kSha256, Bytes(32, 1)}}));
  }
  EXPECT_STATUS(UnsealFromTpm(tpm_->socket(), object), kFailedPrecondition, "PCR");
}

TEST_F(SealedObjectTest, WhatDoesNotFitIsRefused) {
  EXPECT_STATUS(SealToTpm(tpm_->socket(), {}, {}), kInvalidArgument, "0 bytes");
  EXPECT_STATUS(SealToTpm(tpm_->socket(), Bytes(kMaxSealedSecret + 1), {}), kInvalidArgument,
                "129 bytes");
  EXPECT_STATUS(SealToTpm(tpm_->socket(), Bytes(1), {24}), kInvalidArgument, "PCR 24");
  EXPECT_STATUS(UnsealFromTpm(tpm_->socket(), {}), kInvalidArgument, "malformed");
}

}  // namespace
}  // namespace nacre::tee::tpm
