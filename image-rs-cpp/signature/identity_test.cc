#include "image-rs-cpp/signature/identity.h"

#include <gtest/gtest.h>

#include "base/status_testing.h"

namespace nacre::image {
namespace {

const std::string kDigest = "@sha256:" + std::string(64, 'a');

bool Accepts(const char* policy, const std::string& asked, const std::string& named) {
  auto identity = ParseSignedIdentity(*ParseJson(policy), "identity");
  EXPECT_TRUE(identity.ok()) << identity.status();
  return CheckSignedIdentity(*identity, *ParseImageReference(asked), named).ok();
}

TEST(SignedIdentity, Exact) {
  const char* kPolicy = R"({"type": "matchExact"})";
  EXPECT_TRUE(Accepts(kPolicy, "q.io/a/b:1", "q.io/a/b:1"));
  EXPECT_TRUE(Accepts(kPolicy, "busybox", "docker.io/library/busybox:latest"));
  EXPECT_TRUE(Accepts(kPolicy, "q.io/a/b" + kDigest, "q.io/a/b" + kDigest));
  EXPECT_FALSE(Accepts(kPolicy, "q.io/a/b:1", "q.io/a/b:2"));
  EXPECT_FALSE(Accepts(kPolicy, "q.io/a/b:1", "q.io/a/c:1"));
  EXPECT_FALSE(Accepts(kPolicy, "q.io/a/b:latest", "q.io/a/b")) << "a bare name is no tag";
  EXPECT_FALSE(Accepts(kPolicy, "q.io/a/b" + kDigest, "q.io/a/b:1"));
}

TEST(SignedIdentity, RepositoryForDigestsElseExact) {
  const char* kPolicy = R"({"type": "matchRepoDigestOrExact"})";
  EXPECT_TRUE(Accepts(kPolicy, "q.io/a/b" + kDigest, "q.io/a/b:1"));
  EXPECT_TRUE(Accepts(kPolicy, "q.io/a/b" + kDigest, "q.io/a/b"));
  EXPECT_TRUE(Accepts(kPolicy, "q.io/a/b:1", "q.io/a/b:1"));
  EXPECT_FALSE(Accepts(kPolicy, "q.io/a/b" + kDigest, "q.io/a/c:1"));
  EXPECT_FALSE(Accepts(kPolicy, "q.io/a/b:1", "q.io/a/b:2"));
  EXPECT_FALSE(Accepts(kPolicy, "q.io/a/b:1", "q.io/a/b"));
}

TEST(SignedIdentity, Repository) {
  const char* kPolicy = R"({"type": "matchRepository"})";
  EXPECT_TRUE(Accepts(kPolicy, "q.io/a/b:1", "q.io/a/b"));
  EXPECT_TRUE(Accepts(kPolicy, "q.io/a/b:1", "q.io/a/b:2"));
  EXPECT_TRUE(Accepts(kPolicy, "busybox:1", "index.docker.io/library/busybox"));
  EXPECT_FALSE(Accepts(kPolicy, "q.io/a/b:1", "q.io/a/bb"));
  EXPECT_FALSE(Accepts(kPolicy, "q.io/a/b:1", "r.io/a/b"));
}

TEST(SignedIdentity, FixedNames) {
  const char* kReference = R"({"type": "exactReference", "dockerReference": "up.io/x/y:3"})";
  EXPECT_TRUE(Accepts(kReference, "q.io/a/b:1", "up.io/x/y:3"));
  EXPECT_FALSE(Accepts(kReference, "q.io/a/b:1", "up.io/x/y:4"));
  EXPECT_FALSE(Accepts(kReference, "q.io/a/b:1", "q.io/a/b:1"));
  const char* kRepository = R"({"type": "exactRepository", "dockerRepository": "up.io/x/y"})";
  EXPECT_TRUE(Accepts(kRepository, "q.io/a/b:1", "up.io/x/y:4"));
  EXPECT_FALSE(Accepts(kRepository, "q.io/a/b:1", "up.io/x/z"));
}

TEST(SignedIdentity, Remapped) {
  const char* kPolicy =
      R"({"type": "remapIdentity", "prefix": "mirror.io/up", "signedPrefix": "up.io"})";
  EXPECT_TRUE(Accepts(kPolicy, "mirror.io/up/x/y:3", "up.io/x/y:3"));
  EXPECT_FALSE(Accepts(kPolicy, "mirror.io/up/x/y:3", "mirror.io/up/x/y:3"));
  EXPECT_TRUE(Accepts(kPolicy, "q.io/a/b:1", "q.io/a/b:1")) << "elsewhere it changes nothing";
  EXPECT_FALSE(Accepts(kPolicy, "mirror.io/upper/y:3", "up.io/per/y:3"));
  EXPECT_TRUE(Accepts(kPolicy, "mirror.io/upper/y:3", "mirror.io/upper/y:3"));
}

TEST(SignedIdentity, RefusesOtherDocuments) {
  for (const char* bad :
       {"1", "{}", R"({"type": "matchAll"})", R"({"type": "matchExact", "prefix": "a"})",
        R"({"type": "exactReference"})",
        R"({"type": "exactReference", "dockerReference": "up.io/x/y"})",
        R"({"type": "exactReference", "dockerReference": "up.io/X:1"})",
        R"({"type": "exactRepository", "dockerRepository": "up.io/x/y:3"})",
        R"({"type": "exactRepository", "dockerReference": "up.io/x/y"})",
        R"({"type": "remapIdentity", "prefix": "a.io"})",
        R"({"type": "remapIdentity", "prefix": "", "signedPrefix": "a.io"})",
        R"({"type": "remapIdentity", "prefix": "a.io/", "signedPrefix": "a.io"})",
        R"({"type": "remapIdentity", "prefix": "a.io", "signedPrefix": "A.io/B"})"}) {
    EXPECT_STATUS(ParseSignedIdentity(*ParseJson(bad), "identity"), kInvalidArgument, "identity");
  }
}

TEST(SignedIdentity, ASignatureMustNameAnImage) {
  const auto asked = *ParseImageReference("q.io/a/b:1");
  EXPECT_STATUS(CheckSignedIdentity({}, asked, ""), kInvalidArgument, "docker-reference");
  EXPECT_STATUS(CheckSignedIdentity({}, asked, "q.io/A:1"), kInvalidArgument, "docker-reference");
  EXPECT_STATUS(CheckSignedIdentity({}, asked, "q.io/other:1"), kPermissionDenied,
                "it is a signature for 'q.io/other:1'");
}

}  // namespace
}  // namespace nacre::image
