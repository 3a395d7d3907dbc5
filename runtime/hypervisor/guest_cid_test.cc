#include "runtime/hypervisor/guest_cid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::runtime {
namespace {

using ::testing::HasSubstr;

TEST(GuestCid, MissingDeviceIsNamed) {
  const absl::Status status = ClaimGuestCid("/nowhere/vhost-vsock").status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(Message(status), HasSubstr("/nowhere/vhost-vsock: No such file"));
}

TEST(GuestCid, SomethingElseUnderTheNameIsNoVsock) {
  const absl::Status status = ClaimGuestCid("/dev/null").status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(Message(status), HasSubstr("gives no context id"));
}

TEST(GuestCid, TwoGuestsNeverShareOne) {
  if (!PathExists(kVhostVsock)) GTEST_SKIP() << "this host has no " << kVhostVsock;
  const auto one = ClaimGuestCid();
  const auto other = ClaimGuestCid();
  ASSERT_TRUE(one.ok()) << one.status();
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_GE(one->cid, 3u);
  EXPECT_GE(other->cid, 3u);
  EXPECT_NE(one->cid, other->cid);
}

}  // namespace
}  // namespace nacre::runtime
