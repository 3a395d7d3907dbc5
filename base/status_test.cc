#include "base/status.h"

#include <cerrno>

#include "absl/strings/cord.h"
#include "base/status_testing.h"

namespace nacre {
namespace {

TEST(StatusTest, AnnotatePutsContextInFrontAndKeepsTheCode) {
  absl::Status inner = absl::NotFoundError("no such key");
  inner.SetPayload("type", absl::Cord("kept"));
  absl::Status outer = Annotate(Annotate(inner, "reading config"), "starting");
  EXPECT_STATUS(outer, kNotFound, "starting: reading config: no such key");
  EXPECT_EQ(outer.GetPayload("type"), absl::Cord("kept"));
}

TEST(StatusTest, AnnotateLeavesOkAlone) { EXPECT_OK(Annotate(absl::OkStatus(), "context")); }

TEST(StatusTest, ErrnoHasOneCodeEach) {
  EXPECT_STATUS(ErrnoStatus(ENOENT, "a file"), kNotFound, "a file: No such file or directory");
  EXPECT_STATUS(ErrnoStatus(EPERM, ""), kPermissionDenied, "");
  EXPECT_STATUS(ErrnoStatus(EEXIST, ""), kAlreadyExists, "");
  EXPECT_STATUS(ErrnoStatus(ENOSPC, ""), kResourceExhausted, "");
  EXPECT_STATUS(ErrnoStatus(EPIPE, ""), kUnavailable, "");
  EXPECT_STATUS(ErrnoStatus(ETIMEDOUT, ""), kDeadlineExceeded, "");
  EXPECT_STATUS(ErrnoStatus(EINVAL, ""), kInvalidArgument, "");
  EXPECT_STATUS(ErrnoStatus(EIO, ""), kInternal, "");
}

absl::StatusOr<int> Number(bool good) {
  if (good) return 7;
  return absl::InvalidArgumentError("not a number");
}

absl::StatusOr<int> Doubled(bool good) {
  RETURN_IF_ERROR(absl::OkStatus());
  ASSIGN_OR_RETURN(int value, Number(good), "doubling");
  return 2 * value;
}

TEST(StatusTest, MacrosPassValuesAndErrorsOn) {
  ASSERT_OK_AND_ASSIGN(int value, Doubled(true));
  EXPECT_EQ(value, 14);
  EXPECT_STATUS(Doubled(false), kInvalidArgument, "doubling: not a number");
}

}  // namespace
}  // namespace nacre
