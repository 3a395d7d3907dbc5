#include "guest-agent/container/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nacre::guest_agent {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

constexpr char kPath[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const AccountFiles kAccounts = {"root:x:0:0::/:/bin/sh\napp:x:1000:1001::/:/bin/sh\n",
                                "staff:x:50:app\n"};
const ImageDefaults kImage = {
    {"/entry"}, {"default"}, {"A=image", "PATH=/image", "B=image"}, "/srv", "app"};

std::vector<std::string> List(const google::protobuf::RepeatedPtrField<std::string>& list) {
  return {list.begin(), list.end()};
}

grpc::Process Request(std::vector<std::string> args = {}, std::vector<std::string> env = {}) {
  grpc::Process out;
  for (const std::string& arg : args) out.add_args(arg);
  for (const std::string& entry : env) out.add_env(entry);
  return out;
}

TEST(MergeArgs, Table) {
  struct Case {
    std::vector<std::string> request, entrypoint, command, want;  // no want: refused
  };
  const Case cases[] = {
      {{}, {"/e"}, {"c"}, {"/e", "c"}},
      {{}, {}, {"c", "d"}, {"c", "d"}},
      {{}, {"/e"}, {}, {"/e"}},
      {{"sh", "-c"}, {"/e"}, {"c"}, {"sh", "-c"}},
      {{"a", ""}, {}, {}, {"a", ""}},
      {{}, {}, {}, {}},
      {{""}, {"/e"}, {}, {}},
      {{}, {""}, {"c"}, {}},
      {{std::string("a\0b", 3)}, {}, {}, {}},
  };
  for (const Case& test : cases) {
    ImageDefaults image;
    image.entrypoint = test.entrypoint;
    image.command = test.command;
    const auto merged = MergeContainerProcess(Request(test.request), image, kAccounts);
    ASSERT_EQ(merged.ok(), !test.want.empty()) << merged.status();
    if (!merged.ok()) continue;
    EXPECT_THAT(List(merged->args()), ElementsAreArray(test.want));
  }
}

TEST(MergeEnv, TheRequestWinsInTheImagesOrder) {
  const auto merged = MergeContainerProcess(
      Request({"a"}, {"C=new", "A=first", "A=second", "EMPTY="}), kImage, kAccounts);
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_THAT(List(merged->env()),
              ElementsAre("A=second", "PATH=/image", "B=image", "C=new", "EMPTY="));
}

TEST(MergeEnv, PathIsNeverAbsent) {
  EXPECT_THAT(List(MergeContainerProcess(Request({"a"}), {}, kAccounts)->env()),
              ElementsAre(kPath));
}

TEST(MergeEnv, RefusesEntriesThatAreNoneWithoutRepeatingThem) {
  for (const std::string& bad : {std::string("secret"), std::string("=secret"), std::string(),
                                 std::string("secret=a\0b", 10)}) {
    const auto status = MergeContainerProcess(Request({"a"}, {bad}), kImage, kAccounts).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(std::string(status.message()).find("secret"), std::string::npos);
  }
  ImageDefaults image = kImage;
  image.environment = {"novalue"};
  EXPECT_FALSE(MergeContainerProcess(Request({"a"}), image, kAccounts).ok());
}

TEST(MergeCwd, Table) {
  struct Case {
    const char *request, *image, *want;
  };
  for (const Case& test : {Case{"", "", "/"}, Case{"/", "", "/"}, Case{"", "/srv", "/srv"},
                           Case{"/", "/srv", "/srv"}, Case{"/tmp", "/srv", "/tmp"}}) {
    grpc::Process request = Request({"a"});
    request.set_cwd(test.request);
    ImageDefaults image;
    image.working_directory = test.image;
    EXPECT_EQ(MergeContainerProcess(request, image, kAccounts)->cwd(), test.want);
  }
  grpc::Process relative = Request({"a"});
  relative.set_cwd("tmp");
  EXPECT_FALSE(MergeContainerProcess(relative, {}, kAccounts).ok());
}

TEST(MergeUser, RootWithoutNameMeansTheImagesUser) {
  grpc::Process request = Request({"a"});
  request.mutable_user()->add_additionalgids(0);  // as containerd sends root
  const auto merged = MergeContainerProcess(request, kImage, kAccounts);
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(merged->user().uid(), 1000u);
  EXPECT_EQ(merged->user().gid(), 1001u);
  EXPECT_THAT(merged->user().additionalgids(), ElementsAre(50));
}

TEST(MergeUser, ANamedUserOrIdsOfTheRequestWin) {
  grpc::Process request = Request({"a"});
  request.mutable_user()->set_username("root");
  EXPECT_EQ(MergeContainerProcess(request, kImage, kAccounts)->user().uid(), 0u);
  request = Request({"a"});
  request.mutable_user()->set_uid(7);
  request.mutable_user()->add_additionalgids(8);
  const auto merged = MergeContainerProcess(request, kImage, kAccounts);
  EXPECT_EQ(merged->user().uid(), 7u);
  EXPECT_EQ(merged->user().gid(), 0u);
  EXPECT_THAT(merged->user().additionalgids(), ElementsAre(8));
  request.mutable_user()->set_username("nobody");
  EXPECT_EQ(MergeContainerProcess(request, kImage, kAccounts).status().code(),
            absl::StatusCode::kNotFound);
}

class MergeExecTest : public ::testing::Test {
 protected:
  void SetUp() override {
    container_ = Request({"init"}, {"PATH=/c", "A=1"});
    container_.set_cwd("/srv");
    container_.mutable_user()->set_uid(1000);
    container_.set_nonewprivileges(true);
    container_.mutable_capabilities()->add_bounding("CAP_KILL");
    container_.add_rlimits()->set_type("RLIMIT_CORE");
  }
  grpc::Process container_;
};

TEST_F(MergeExecTest, WhatTheRequestLeavesOutIsTheContainers) {
  const auto merged = MergeExecProcess(Request({"ls"}, {"A=2"}), container_, kAccounts);
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_THAT(List(merged->args()), ElementsAre("ls"));
  EXPECT_THAT(List(merged->env()), ElementsAre("PATH=/c", "A=2"));
  EXPECT_EQ(merged->cwd(), "/srv");
  EXPECT_EQ(merged->user().uid(), 1000u);
  EXPECT_TRUE(merged->nonewprivileges());
  EXPECT_EQ(merged->capabilities().bounding_size(), 1);
  EXPECT_EQ(merged->rlimits_size(), 1);
}

TEST_F(MergeExecTest, TheRequestsOwnWordsStand) {
  grpc::Process request = Request({"ls"});
  request.set_cwd("/tmp");
  request.mutable_user()->set_uid(5);
  request.mutable_capabilities();
  const auto merged = MergeExecProcess(request, container_, kAccounts);
  EXPECT_EQ(merged->cwd(), "/tmp");
  EXPECT_EQ(merged->user().uid(), 5u);
  EXPECT_EQ(merged->capabilities().bounding_size(), 0);
  request.mutable_user()->set_username("app");
  EXPECT_EQ(MergeExecProcess(request, container_, kAccounts)->user().gid(), 1001u);
}

TEST_F(MergeExecTest, NothingToRunIsRefused) {
  EXPECT_FALSE(MergeExecProcess(Request(), container_, kAccounts).ok());
}

}  // namespace
}  // namespace nacre::guest_agent
