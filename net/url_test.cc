#include "net/url.h"

#include <gmock/gmock.h>

namespace nacre::net {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(Url, TakesApartWhatAClientNeeds) {
  Url url = ParseUrl("HTTPS://Registry.Example:5000/v2/a/blobs/x?ns=b&c#frag").value();
  EXPECT_EQ(url.scheme, "https");
  EXPECT_TRUE(url.tls());
  EXPECT_EQ(url.host, "registry.example");
  EXPECT_EQ(url.port, 5000);
  EXPECT_EQ(url.target, "/v2/a/blobs/x?ns=b&c");
  EXPECT_EQ(url.ToString(), "https://registry.example:5000/v2/a/blobs/x?ns=b&c");
}

TEST(Url, DefaultPortsAreLeftOutOfTheHostHeader) {
  EXPECT_EQ(ParseUrl("http://h").value().Authority(), "h");
  EXPECT_EQ(ParseUrl("https://h").value().HostPort(), "h:443");
  EXPECT_EQ(ParseUrl("http://h:443").value().Authority(), "h:443");
  EXPECT_EQ(ParseUrl("http://h?q=1").value().target, "/?q=1");
}

TEST(Url, Ipv6KeepsBracketsWhereTheyBelong) {
  Url url = ParseUrl("http://[::1]:8080/x").value();
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.HostPort(), "[::1]:8080");
  EXPECT_EQ(ParseUrl("http://[fe80::1]").value().Authority(), "[fe80::1]");
}

class BadUrl : public testing::TestWithParam<const char*> {};
TEST_P(BadUrl, IsRefused) {
  absl::StatusOr<Url> url = ParseUrl(GetParam());
  EXPECT_EQ(url.status().code(), absl::StatusCode::kInvalidArgument) << GetParam();
  EXPECT_THAT(std::string(url.status().message()), HasSubstr("URL: "));
}
INSTANTIATE_TEST_SUITE_P(Url, BadUrl,
                         testing::Values("", "host", "ftp://h/", "http://", "http:///x",
                                         "http://u:p@h/", "http://h:/", "http://h:0/",
                                         "http://h:65536/", "http://h:8o/", "http://h:-1/",
                                         "http://h:+80/", "http://h o/", "http://h/a b",
                                         "http://h/\r\nX: y", "http://h/\x7f", "http://[::1/",
                                         "http://[::1]x/", "http://[]/", "http://h%41/",
                                         "http://a:b:c/", "http://h/\xc3\xa4"));

TEST(Url, PortAndLengthLimits) {
  EXPECT_EQ(ParseUrl("http://h:65535").value().port, 65535);
  EXPECT_EQ(ParseUrl("http://h:1").value().port, 1);
  std::string longest = "http://h/" + std::string(8192 - 9, 'a');
  EXPECT_TRUE(ParseUrl(longest).ok());
  EXPECT_FALSE(ParseUrl(longest + "a").ok());
}

TEST(Url, ResolvesLocations) {
  Url base = ParseUrl("https://h:8443/a/b/c?q").value();
  auto resolve = [&](std::string_view to) { return ResolveUrl(base, to).value().ToString(); };
  EXPECT_EQ(resolve("http://other/x"), "http://other/x");
  EXPECT_EQ(resolve("//other/x"), "https://other/x");
  EXPECT_EQ(resolve("/x?y=http://z"), "https://h:8443/x?y=http://z");
  EXPECT_EQ(resolve("d"), "https://h:8443/a/b/d");
  EXPECT_EQ(resolve("../d/./e"), "https://h:8443/a/d/e");
  EXPECT_EQ(resolve("../../../d"), "https://h:8443/d");
  EXPECT_EQ(resolve(".."), "https://h:8443/a/");
  EXPECT_EQ(resolve("?z"), "https://h:8443/a/b/c?z");
  EXPECT_EQ(resolve(""), "https://h:8443/a/b/c?q");
  EXPECT_FALSE(ResolveUrl(base, "ftp://x/").ok());
  EXPECT_FALSE(ResolveUrl(base, "http://u@x/").ok());
}

TEST(Percent, EncodesAndDecodes) {
  EXPECT_EQ(PercentEncode("a b/c?\xc3\xa4~"), "a%20b%2Fc%3F%C3%A4~");
  EXPECT_EQ(PercentEncode("a/b", true), "a/b");
  EXPECT_EQ(PercentDecode("a%20b%2fc+").value(), "a b/c+");
}

class BadPercent : public testing::TestWithParam<const char*> {};
TEST_P(BadPercent, IsRefused) { EXPECT_FALSE(PercentDecode(GetParam()).ok()); }
INSTANTIATE_TEST_SUITE_P(Percent, BadPercent, testing::Values("%", "%4", "%g0", "%0g", "a%00b"));

TEST(Query, ComesInOrderAndDecoded) {
  EXPECT_THAT(ParseQuery("a=1&&b=x%20y+z&c&a=%3D=").value(),
              ElementsAre(Pair("a", "1"), Pair("b", "x y z"), Pair("c", ""), Pair("a", "==")));
  EXPECT_TRUE(ParseQuery("").value().empty());
  EXPECT_FALSE(ParseQuery("a=%zz").ok());
  EXPECT_FALSE(ParseQuery("%zz=a").ok());
}

}  // namespace
}  // namespace nacre::net
