#include "attestation/protocol/resource_path.h"

#include <gtest/gtest.h>

#include "attestation/protocol/limits.h"

namespace nacre::attestation {
namespace {

TEST(ResourcePath, HasThreeParts) {
  auto path = ParseResourcePath("default/image-key/1");
  ASSERT_TRUE(path.ok());
  EXPECT_EQ(path->repository, "default");
  EXPECT_EQ(path->type, "image-key");
  EXPECT_EQ(path->tag, "1");
  EXPECT_EQ(path->Text(), "default/image-key/1");
  EXPECT_EQ(path->Uri(), "kbs:///default/image-key/1");
}

TEST(ResourcePath, DotsOnlyAfterTheFirstByte) {
  EXPECT_TRUE(ParseResourcePath("a/b/v1.2.3").ok());
  EXPECT_TRUE(ParseResourcePath("a/b/-_").ok());
  EXPECT_FALSE(ParseResourcePath("a/b/.hidden").ok());
}

TEST(ResourcePath, CannotLeaveTheStore) {
  for (const char* bad :
       {"../../etc", "a/../b", "a/b/..", "a/b/.", "a/b/%2e%2e", "a//b", "/a/b/c", "a/b/c/", "a/b",
        "a/b/c/d", "", "//", "a/b/c d", "a/b/c?x", "a/b/\xc3\xa9"}) {
    EXPECT_FALSE(ParseResourcePath(bad).ok()) << bad;
  }
  EXPECT_FALSE(ParseResourcePath(std::string_view("a/b/c\0", 6)).ok());
}

TEST(ResourcePath, PartsAreBounded) {
  EXPECT_TRUE(ParseResourcePath("a/b/" + std::string(kMaxPathSegmentSize, 't')).ok());
  EXPECT_FALSE(ParseResourcePath("a/b/" + std::string(kMaxPathSegmentSize + 1, 't')).ok());
}

TEST(KbsUri, IgnoresTheHost) {
  EXPECT_EQ(ParseKbsUri("kbs:///a/b/c")->Text(), "a/b/c");
  EXPECT_EQ(ParseKbsUri("kbs://example.org:8080/a/b/c")->Text(), "a/b/c");
}

TEST(KbsUri, RefusesOtherSchemesPluginsAndQueries) {
  EXPECT_TRUE(absl::IsInvalidArgument(ParseKbsUri("http://h/a/b/c").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ParseKbsUri("kbs:/a/b/c").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ParseKbsUri("kbs://host").status()));
  EXPECT_TRUE(absl::IsUnimplemented(ParseKbsUri("kbs+pkcs11:///a/b/c").status()));
  EXPECT_TRUE(absl::IsUnimplemented(ParseKbsUri("kbs:///a/b/c?x=1").status()));
}

}  // namespace
}  // namespace nacre::attestation
