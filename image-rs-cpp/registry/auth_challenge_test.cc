#include "image-rs-cpp/registry/auth_challenge.h"

#include <gtest/gtest.h>

namespace nacre::image {
namespace {

TEST(BearerChallenge, IsRead) {
  auto challenge = ParseBearerChallenge(
      R"(Bearer realm="https://auth.example/token",service="registry.example",)"
      R"(scope="repository:a/b:pull,push")");
  ASSERT_TRUE(challenge.ok()) << challenge.status();
  EXPECT_EQ(challenge->realm, "https://auth.example/token");
  EXPECT_EQ(challenge->service, "registry.example");
  EXPECT_EQ(challenge->scope, "repository:a/b:pull,push");
}

TEST(BearerChallenge, TakesEveryLegalForm) {
  auto challenge = ParseBearerChallenge(R"(bearer  Realm = "https://a/\"q\"" , service=plain ,x=)");
  ASSERT_TRUE(challenge.ok()) << challenge.status();
  EXPECT_EQ(challenge->service, "plain");
}

TEST(BearerChallenge, RefusesOthers) {
  EXPECT_TRUE(absl::IsUnauthenticated(ParseBearerChallenge(R"(Basic realm="registry")").status()));
  EXPECT_TRUE(absl::IsUnauthenticated(ParseBearerChallenge("").status()));
  EXPECT_TRUE(absl::IsUnauthenticated(ParseBearerChallenge("Bearer").status()));
  for (const char* text : {"Bearer service=x", R"(Bearer realm="open)", "Bearer realm",
                           R"(Bearer realm="a" service="b")", R"(Bearer realm="a\)"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseBearerChallenge(text).status())) << text;
  }
  EXPECT_FALSE(ParseBearerChallenge("Bearer realm=" + std::string(5000, 'x')).ok());
}

TEST(TokenAnswer, HasOneOfTwoNames) {
  EXPECT_EQ(ParseTokenAnswer(R"({"token":"abc","expires_in":60})")->token, "abc");
  EXPECT_EQ(ParseTokenAnswer(R"({"access_token":"def"})")->token, "def");
  EXPECT_EQ(ParseTokenAnswer(R"({"token":"","access_token":"def"})")->token, "def");
}

TEST(TokenAnswer, RefusesWhatCannotGoIntoAHeader) {
  for (const char* text : {"", "[]", "{}", R"({"token":1})", R"({"token":"a b"})",
                           R"({"token":"a\r\nX: y"})", R"({"token":"é"})"}) {
    EXPECT_FALSE(ParseTokenAnswer(text).ok()) << text;
  }
}

}  // namespace
}  // namespace nacre::image
