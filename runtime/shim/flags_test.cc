#include "runtime/shim/flags.h"

#include <gtest/gtest.h>

namespace nacre::runtime {
namespace {

TEST(ShimFlags, AsContainerdWritesThem) {
  const auto flags =
      ParseShimFlags({"-namespace", "k8s.io", "-address", "/run/c.sock", "-publish-binary",
                      "/usr/bin/containerd", "-id", "abc", "-debug", "start"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->action, ShimAction::kStart);
  EXPECT_EQ(flags->ns, "k8s.io");
  EXPECT_EQ(flags->address, "/run/c.sock");
  EXPECT_EQ(flags->publish_binary, "/usr/bin/containerd");
  EXPECT_EQ(flags->id, "abc");
  EXPECT_TRUE(flags->debug);
}

TEST(ShimFlags, BothDashesAndEquals) {
  const auto flags = ParseShimFlags({"--namespace=a", "--id=b", "-bundle=/x=y", "delete"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->action, ShimAction::kDelete);
  EXPECT_EQ(flags->bundle, "/x=y");
}

TEST(ShimFlags, NoActionServes) {
  EXPECT_EQ(ParseShimFlags({"-namespace", "a", "-id", "b"})->action, ShimAction::kServe);
  EXPECT_EQ(ParseShimFlags({"-v"})->action, ShimAction::kVersion);
}

TEST(ShimFlags, Refusals) {
  const std::vector<std::vector<std::string>> cases = {
      {},
      {"start"},
      {"-namespace", "a", "start"},
      {"-id", "b", "start"},
      {"-namespace", "a", "-id", "../b", "start"},
      {"-namespace", "a/b", "-id", "b", "start"},
      {"-namespace", "a", "-id", "b", "restart"},
      {"-namespace", "a", "-id", "b", "start", "more"},
      {"-namespace", "a", "-id", "b", "-color", "start"},
      {"-namespace", "a", "-id"},
  };
  for (const auto& arguments : cases) EXPECT_FALSE(ParseShimFlags(arguments).ok());
}

}  // namespace
}  // namespace nacre::runtime
