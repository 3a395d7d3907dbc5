#include "image-rs-cpp/signature/lookaside.h"

#include <gtest/gtest.h>

#include "base/status_testing.h"

namespace nacre::image {
namespace {

constexpr const char* kToml = R"(
[default-docker]
sigstore = "https://all.example/"
[docker."q.io"]
lookaside = "https://q.example"
[docker."q.io/team/app:1"]
lookaside = "https://one.example/deep"
lookaside-staging = "file:///tmp/x"
[docker."r.io"]
use-sigstore-attachments = true
)";

std::string Url(const std::string& reference) {
  auto config = Lookaside::Parse(kToml);
  EXPECT_TRUE(config.ok()) << config.status();
  return config->UrlFor(*ParseImageReference(reference), "sha256:abc");
}

TEST(Lookaside, TheNearestNameDecides) {
  EXPECT_EQ(Url("q.io/team/app:1"), "https://one.example/deep/team/app@sha256=abc/signature-");
  EXPECT_EQ(Url("q.io/team/app:2"), "https://q.example/team/app@sha256=abc/signature-");
  EXPECT_EQ(Url("busybox"), "https://all.example/library/busybox@sha256=abc/signature-");
  EXPECT_EQ(Url("r.io/x"), "https://all.example/x@sha256=abc/signature-");
  EXPECT_EQ(Lookaside().UrlFor(*ParseImageReference("q.io/x"), "sha256:abc"), "");
}

TEST(Lookaside, JsonSaysTheSame) {
  const auto config = Lookaside::Parse(R"( {"docker": {"q.io": {"sigstore": "http://s:1"}}})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->UrlFor(*ParseImageReference("q.io/x"), "sha256:abc"),
            "http://s:1/x@sha256=abc/signature-");
  EXPECT_EQ(config->UrlFor(*ParseImageReference("r.io/x"), "sha256:abc"), "");
}

TEST(Lookaside, RefusesWhatItDoesNotKnow) {
  for (const char* bad : {"x = 1", "{", "default-docker = 1", "docker = []",
                          "[default-docker]\nlookasaid = \"https://x\"",
                          "[default-docker]\nlookaside = \"file:///x\"",
                          "[default-docker]\nlookaside = \"https://x/?a=b\"",
                          "[docker.\"q.io\"]\nsigstore = 1", "{\"docker\": {\"q.io\": 1}}"}) {
    EXPECT_STATUS(Lookaside::Parse(bad), kInvalidArgument, "sigstore config") << bad;
  }
}

}  // namespace
}  // namespace nacre::image
