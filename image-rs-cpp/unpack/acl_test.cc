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

}  // namespace
}  // namespace nacre::image
