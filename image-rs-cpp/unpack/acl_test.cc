#include "image-rs-cpp/unpack/acl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre::image {
namespace {

using ::testing::HasSubstr;

std::string Hex(std::string_view text) {
  auto acl = AclFromText(text);
  return acl.ok() ? HexEncode(AsBytes(*acl)) : std::string(acl.status().ToString());
}

TEST(Acl, IsWrittenAsTheKernelReadsIt) {
  EXPECT_EQ(Hex("user::rwx,group::r-x,other::---"),
            "02000000"
            "01000700ffffffff"
            "04000500ffffffff"
            "20000000ffffffff");
  // In the kernel's order, whatever the archive's; a comment ends an entry.
  EXPECT_EQ(Hex("o::r--\nm::rwx\ng:7:-w-\nu:root:--x #effective:---\nu:3:r--\nu::rw-\ng::r--\n"),
            "02000000"
            "01000600ffffffff"
            "0200010000000000"
            "0200040003000000"
            "04000400ffffffff"
            "0800020007000000"
            "10000700ffffffff"
            "20000400ffffffff");
  EXPECT_EQ(Hex("user:lisa:r--:502"),
            "02000000"
            "02000400f6010000");
  EXPECT_EQ(Hex(""), "");
  EXPECT_EQ(Hex("\n"), "");
}

TEST(Acl, RefusesWhatIsNone) {
  for (const char* text : {"user", "user:", "user::rwxr", "user::wrx", "user::rw", "mask:1:rwx",
                           "other:1:rwx", "everyone::rwx", "user:1:rwx:2:3", "user::rwx,group"}) {
    EXPECT_STATUS(AclFromText(text), kInvalidArgument, "is no ACL entry");
  }
  EXPECT_STATUS(AclFromText("user:lisa:r--"), kUnimplemented, "'lisa' is a name");
  EXPECT_STATUS(AclFromText("user:4294967295:r--"), kUnimplemented, "is a name");
  EXPECT_STATUS(AclFromText("user:-1:r--"), kUnimplemented, "is a name");
}

TEST(Acl, BoundsEntries) {
  std::string text;
  for (int i = 0; i < 1024; ++i) StrAppend(&text, "user:", i, ":r--,");
  EXPECT_TRUE(AclFromText(text).ok());
  EXPECT_STATUS(AclFromText(text + "user::r--"), kResourceExhausted, "more than 1024");
}

absl::StatusOr<AclMeaning> Meaning(std::string_view text) { return ReadAcl(*AclFromText(text)); }

TEST(ReadAclTest, SaysTheModeItMeans) {
  const auto plain = Meaning("user::rwx,group::r-x,other::--x");
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_TRUE(plain->only_mode);
  EXPECT_EQ(plain->mode, 0751);
  // The mask is what the mode says of the group.
  const auto masked = Meaning("user::rw-,user:7:rwx,group::rwx,group:8:r--,mask::-w-,other::---");
  ASSERT_TRUE(masked.ok()) << masked.status();
  EXPECT_FALSE(masked->only_mode);
  EXPECT_EQ(masked->mode, 0620);
  const auto mask_alone = Meaning("user::rw-,group::rwx,mask::r--,other::---");
  ASSERT_TRUE(mask_alone.ok());
  EXPECT_FALSE(mask_alone->only_mode);
  EXPECT_EQ(mask_alone->mode, 0640);
  EXPECT_TRUE(ReadAcl("")->empty);
  EXPECT_TRUE(ReadAcl(std::string_view("\2\0\0\0", 4))->empty);
}

TEST(ReadAclTest, RefusesWhatLinuxRefuses) {
  for (const char* text :
       {"user::rwx", "user::rwx,group::r-x", "group::r-x,other::---",
        "user::rwx,user:7:r--,group::r-x,other::---", "user::rwx,user::r-x,group::r-x,other::---",
        "user::rwx,group::r-x,mask::rwx,mask::rwx,other::---"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Meaning(text).status())) << text;
  }
  const std::string good = *AclFromText("user::rwx,user:7:r--,group::r-x,mask::rwx,other::---");
  ASSERT_TRUE(ReadAcl(good).ok());
  for (size_t size = 1; size < good.size(); ++size) {
    EXPECT_EQ(ReadAcl(std::string_view(good).substr(0, size)).ok(), size == 4) << size;
  }
  // A version, a tag, permissions, an id that are none; another order.
  const std::pair<size_t, char> changes[] = {{0, 1}, {4, 3}, {5, 1}, {6, 8}, {4, 32}};
  for (const auto& [at, byte] : changes) {
    std::string changed = good;
    changed[at] = byte;
    EXPECT_FALSE(ReadAcl(changed).ok()) << at;
  }
  std::string nobody = good;
  nobody.erase(16, 4).insert(16, 4, '\xff');
  EXPECT_FALSE(ReadAcl(nobody).ok());
}

}  // namespace
}  // namespace nacre::image
