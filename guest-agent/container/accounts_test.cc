#include "guest-agent/container/accounts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "guest-agent/limits.h"

namespace nacre::guest_agent {
namespace {

const AccountFiles kFiles = {
    "root:x:0:0:root:/root:/bin/sh\n"
    "app:x:1000:1001:An app:/home/app:/bin/sh\n"
    "1234:x:77:78::/:/bin/sh\n",
    "root:x:0:root\nstaff:x:50:app,other\nwheel:x:10:app\nstaff2:x:51:apps\nempty:x:52:\n"};

TEST(ResolveUser, Table) {
  struct Case {
    const char* name;
    ContainerUser want;
  };
  const Case cases[] = {
      {"", {0, 0, {0}}},
      {"root", {0, 0, {0}}},
      {"app", {1000, 1001, {10, 50}}},
      {"1000", {1000, 1001, {10, 50}}},
      {"app:", {1000, 1001, {10, 50}}},
      {"app:staff", {1000, 50, {}}},
      {"app:50", {1000, 50, {}}},
      {"4242", {4242, 0, {}}},
      {"4242:4343", {4242, 4343, {}}},
      {":staff", {0, 50, {}}},
      {"1234", {77, 78, {}}},  // a name made of digits wins over the number
      {"4294967294", {4294967294u, 0, {}}},
  };
  for (const Case& test : cases) {
    const auto got = ResolveUser(test.name, kFiles);
    ASSERT_TRUE(got.ok()) << test.name << ": " << got.status();
    EXPECT_EQ(*got, test.want) << test.name;
  }
}

TEST(ResolveUser, RefusesUnknownNamesAndBadNumbers) {
  EXPECT_EQ(ResolveUser("nobody", kFiles).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ResolveUser("app:nogroup", kFiles).status().code(), absl::StatusCode::kNotFound);
  for (const char* bad : {"4294967295", "4294967296", "99999999999999999999", "app:4294967295"})
    EXPECT_EQ(ResolveUser(bad, kFiles).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  for (const char* bad : {"-1", "+1", " 1", "1 ", "0x10", "app:-1", "1:2:3"})
    EXPECT_FALSE(ResolveUser(bad, kFiles).ok()) << bad;
}

TEST(ResolveUser, HostileFilesAreSkippedLineByLine) {
  const AccountFiles hostile = {
      "app\napp:x\napp:x:0\napp:x:-1:0\napp:x:0x0:0\n:x:0:0\napp:x:4294967295:0\n"
      "app:x: 0:0\napp:x:0:0junk\n+::::::\napp:x:1000:1000::/:/bin/sh\napp:x:0:0::/:/bin/sh\n",
      "g:x:1000000000000:app\ng:x::app\ng\ng:x:7:app,app,,\n"};
  const auto user = ResolveUser("app", hostile);
  ASSERT_TRUE(user.ok()) << user.status();
  EXPECT_EQ(*user, (ContainerUser{1000, 1000, {7}}));
  EXPECT_FALSE(ResolveUser("+", hostile).ok());
}

class AccountFilesTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(MakeDirectories(etc_).ok()); }
  TemporaryDirectory root_ = TemporaryDirectory::Create("accounts").value();
  std::string etc_ = root_.path() + "/etc";
};

TEST_F(AccountFilesTest, MissingFilesReadAsEmpty) {
  const auto files = ReadAccountFiles(root_.path());
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->passwd, "");
}

TEST_F(AccountFilesTest, LinksStayInsideTheRoot) {
  ASSERT_EQ(symlink("/outside/../../etc/real", (etc_ + "/passwd").c_str()), 0);
  ASSERT_TRUE(WriteFile(etc_ + "/real", AsBytes("inside")).ok());
  ASSERT_TRUE(MakeDirectories(root_.path() + "/outside").ok());
  ASSERT_EQ(symlink("/proc/self/status", (etc_ + "/group").c_str()), 0);
  const auto files = ReadAccountFiles(root_.path());
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->passwd, "inside");
  EXPECT_EQ(files->group, "");
}

TEST_F(AccountFilesTest, FifosAndFoldersAreRefusedWithoutHanging) {
  ASSERT_EQ(mkfifo((etc_ + "/passwd").c_str(), 0600), 0);
  EXPECT_EQ(ReadAccountFiles(root_.path()).status().code(), absl::StatusCode::kInvalidArgument);
  ASSERT_EQ(unlink((etc_ + "/passwd").c_str()), 0);
  ASSERT_TRUE(MakeDirectories(etc_ + "/passwd").ok());
  EXPECT_EQ(ReadAccountFiles(root_.path()).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(AccountFilesTest, SizeIsCapped) {
  const auto write = [&](size_t size) {
    return WriteFile(etc_ + "/passwd", AsBytes(std::string(size, 'a')));
  };
  ASSERT_TRUE(write(kMaxAccountFile).ok());
  EXPECT_TRUE(ReadAccountFiles(root_.path()).ok());
  ASSERT_TRUE(write(kMaxAccountFile + 1).ok());
  EXPECT_EQ(ReadAccountFiles(root_.path()).status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace nacre::guest_agent
