#include "image-rs-cpp/registry/credentials.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/encoding.h"
#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre::image {
namespace {

absl::StatusOr<Credentials> Parse(const std::string& json) {
  return Credentials::Parse(SecretBytes::CopyOf(AsBytes(json)));
}

std::string Auth(const std::string& login) { return Base64Encode(AsBytes(login)); }

std::string Entry(const std::string& name, const std::string& login) {
  return StrCat("\"", name, "\": {\"auth\": \"", Auth(login), "\"}");
}

TEST(Credentials, TheLongestNameIsUsed) {
  const auto all =
      Parse(StrCat("{\"auths\": {", Entry("q.io", "a:1"), ",", Entry("q.io/team", "b:2"), ",",
                   Entry("q.io/team/app", "c:3"), "}}"));
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->Find("q.io", "team/app"), Auth("c:3"));
  EXPECT_EQ(all->Find("q.io", "team/app2"), Auth("b:2"));
  EXPECT_EQ(all->Find("q.io", "teams/app"), Auth("a:1"));
  EXPECT_EQ(all->Find("q.io:5000", "team/app"), std::nullopt);
  EXPECT_EQ(all->Find("xq.io", "team/app"), std::nullopt);
}

TEST(Credentials, DockersOldNames) {
  for (const char* name :
       {"docker.io", "https://index.docker.io/v1/", "index.docker.io", "registry-1.docker.io"}) {
    const auto one = Parse(StrCat("{\"auths\": {", Entry(name, "a:b:c"), "}}"));
    ASSERT_TRUE(one.ok()) << one.status();
    EXPECT_EQ(one->Find("docker.io", "library/busybox"), Auth("a:b:c")) << name;
  }
  EXPECT_STATUS(Parse(StrCat("{\"auths\": {", Entry("docker.io", "a:1"), ",",
                             Entry("https://index.docker.io/v1/", "b:2"), "}}")),
                kInvalidArgument, "twice");
}

TEST(Credentials, RefusesWhatItCannotUse) {
  for (const std::string& bad :
       {std::string(), std::string("{}"), std::string("[]"), std::string(R"({"auths": []})"),
        std::string(R"({"auths": {}, "credsStore": "x"})"),
        std::string(R"({"auths": {"q.io": {}}})"), std::string(R"({"auths": {"q.io": "x"}})"),
        std::string(R"({"auths": {"q.io": {"auth": "%"}}})"),
        std::string(R"({"auths": {"q.io": {"identitytoken": "x"}}})"),
        StrCat("{\"auths\": {", Entry("q.io", "nocolon"), "}}"),
        StrCat("{\"auths\": {", Entry("q.io", ":x"), "}}"),
        StrCat("{\"auths\": {", Entry("q.io", "a:b\r\nX: y"), "}}"),
        StrCat("{\"auths\": {", Entry("team", "a:b"), "}}"),
        StrCat("{\"auths\": {", Entry("", "a:b"), "}}"),
        StrCat("{\"auths\": {", Entry("q.io/Team", "a:b"), "}}")}) {
    EXPECT_FALSE(Parse(bad).ok()) << bad;
  }
  const absl::Status status =
      Parse(StrCat("{\"auths\": {", Entry("q.io", "secret"), "}}")).status();
  EXPECT_EQ(std::string(Message(status)).find(Auth("secret")), std::string::npos);
}

}  // namespace
}  // namespace nacre::image
