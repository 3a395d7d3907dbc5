#include "image-rs-cpp/registry/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "image-rs-cpp/registry/digest.h"

namespace nacre::image {
namespace {

using ::testing::HasSubstr;

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string Canonical(const std::string& text) {
  auto reference = ParseImageReference(text);
  return reference.ok() ? reference->ToString() : std::string(Message(reference.status()));
}

TEST(ImageReference, FillsInDockersDefaults) {
  EXPECT_EQ(Canonical("busybox"), "docker.io/library/busybox:latest");
  EXPECT_EQ(Canonical("busybox:1.36"), "docker.io/library/busybox:1.36");
  EXPECT_EQ(Canonical("team/app"), "docker.io/team/app:latest");
  EXPECT_EQ(Canonical("docker.io/busybox"), "docker.io/library/busybox:latest");
  EXPECT_EQ(Canonical("index.docker.io/team/app"), "docker.io/team/app:latest");
  EXPECT_EQ(Canonical("busybox@" + kDigest), "docker.io/library/busybox@" + kDigest);
}

TEST(ImageReference, KnowsRegistriesByTheirLooks) {
  EXPECT_EQ(Canonical("127.0.0.1:5000/demo/pearl:1"), "127.0.0.1:5000/demo/pearl:1");
  EXPECT_EQ(Canonical("localhost/app"), "localhost/app:latest");
  EXPECT_EQ(Canonical("registry.example/app"), "registry.example/app:latest");
  EXPECT_EQ(Canonical("[::1]:5000/app"), "[::1]:5000/app:latest");
  EXPECT_EQ(Canonical("[fd00::2]/app"), "[fd00::2]/app:latest");
  EXPECT_EQ(Canonical("host:443/a/b/c:v-1_2.3"), "host:443/a/b/c:v-1_2.3");
  EXPECT_EQ(Canonical("UPPER/app"), "UPPER/app:latest");
}

TEST(ImageReference, DigestWinsOverTag) {
  auto both = ParseImageReference("ghcr.io/a/b:tag@" + kDigest);
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(both->tag, "tag");
  EXPECT_EQ(both->Target(), kDigest);
  EXPECT_EQ(ParseImageReference("ghcr.io/a/b:tag")->Target(), "tag");
}

TEST(ImageReference, DockerHubsApiLivesElsewhere) {
  EXPECT_EQ(ParseImageReference("busybox")->ApiHost(), "registry-1.docker.io");
  EXPECT_EQ(ParseImageReference("ghcr.io/a")->ApiHost(), "ghcr.io");
}

TEST(ImageReference, RefusesMalformedOnes) {
  for (const char* text : {"",
                           "/",
                           "a//b",
                           "Busybox",
                           "busybox:",
                           "busybox:.tag",
                           "busybox:-t",
                           "busybox:a/b",
                           "busybox@sha256:12",
                           "busybox@",
                           "a..b",
                           "a___b",
                           "a.-b",
                           "-a",
                           "a-",
                           "_a",
                           "host:0/a",
                           "host:65536/a",
                           "host:x/a",
                           "host:/a",
                           "host:+80/a",
                           "-host.x/a",
                           "host..x/a",
                           "[::1/a",
                           "[zz::1]:5/a",
                           "ghcr.io/",
                           "ghcr.io/A",
                           "a b",
                           "a\nb",
                           "http://host/a",
                           "user@host/a",
                           "host/a?b",
                           "host/../a",
                           "busybox:tag:tag"}) {
    EXPECT_FALSE(ParseImageReference(text).ok()) << text;
  }
}

TEST(ImageReference, NamesThePartThatIsWrong) {
  EXPECT_THAT(Canonical("ghcr.io/App"), HasSubstr("repository 'App'"));
  EXPECT_THAT(Canonical("app:bad tag"), HasSubstr("tag 'bad tag'"));
  EXPECT_THAT(Canonical("host:99999/a"), HasSubstr("port"));
  EXPECT_THAT(Canonical("app@sha256:xyz"), HasSubstr("is not a digest"));
}

TEST(ImageReference, IsBounded) {
  EXPECT_TRUE(ParseImageReference("h.io/" + std::string(255, 'a')).ok());
  EXPECT_FALSE(ParseImageReference("h.io/" + std::string(256, 'a')).ok());
  EXPECT_TRUE(ParseImageReference("a:" + std::string(128, 't')).ok());
  EXPECT_FALSE(ParseImageReference("a:" + std::string(129, 't')).ok());
  EXPECT_TRUE(ParseImageReference(std::string(63, 'h') + ".io/a").ok());
  EXPECT_FALSE(ParseImageReference(std::string(64, 'h') + ".io/a").ok());
  EXPECT_FALSE(ParseImageReference(std::string(1025, 'a')).ok());
}

TEST(BlobDigest, HasTwoForms) {
  EXPECT_TRUE(BlobDigest::Parse(kDigest).ok());
  EXPECT_TRUE(BlobDigest::Parse("sha512:" + std::string(128, '0')).ok());
  for (const std::string& text :
       {std::string(), kDigest + "a", kDigest.substr(0, 70), "sha256:" + std::string(64, 'A'),
        "sha256:" + std::string(64, 'g'), "sha512:" + std::string(64, 'a'),
        "md5:" + std::string(32, 'a'), "sha256-" + std::string(64, 'a')}) {
    EXPECT_FALSE(BlobDigest::Parse(text).ok()) << text;
  }
}

TEST(BlobDigest, ChecksWholeAndInPieces) {
  const BlobDigest digest = BlobDigest::OfSha256(AsBytes("hello"));
  EXPECT_TRUE(digest.Check(AsBytes("hello"), "x").ok());
  EXPECT_TRUE(absl::IsDataLoss(digest.Check(AsBytes("hellO"), "x")));
  DigestChecker checker(digest);
  checker.Update(AsBytes("hel"));
  checker.Update(AsBytes("lo"));
  EXPECT_TRUE(checker.Finish("x").ok());
  DigestChecker other(digest);
  other.Update(AsBytes("hel"));
  EXPECT_TRUE(absl::IsDataLoss(other.Finish("x")));
  // The well-known SHA-512 of "abc".
  auto sha512 = BlobDigest::Parse(
      "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  ASSERT_TRUE(sha512.ok());
  EXPECT_TRUE(sha512->Check(AsBytes("abc"), "x").ok());
}

}  // namespace
}  // namespace nacre::image
