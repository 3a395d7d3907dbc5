#include "image-rs-cpp/registry/proxy.h"

#include <gtest/gtest.h>

#include "base/status_testing.h"

namespace nacre::image {
namespace {

std::string Proxy(const std::string& no_proxy, const std::string& url) {
  const ProxyOptions options{"http://plain:1", "http://secure:2", no_proxy};
  EXPECT_OK(CheckProxyOptions(options));
  return ProxyFor(options, *net::ParseUrl(url));
}

TEST(Proxy, ByScheme) {
  EXPECT_EQ(Proxy("", "http://q.io/"), "http://plain:1");
  EXPECT_EQ(Proxy("", "https://q.io/"), "http://secure:2");
  EXPECT_EQ(ProxyFor({}, *net::ParseUrl("https://q.io/")), "");
}

TEST(Proxy, ExceptFor) {
  for (const char* no_proxy : {"*", "q.io", "Q.io", " a.io , q.io", "q.io:443", "io"}) {
    EXPECT_EQ(Proxy(no_proxy, "https://q.io/"), "") << no_proxy;
  }
  for (const char* no_proxy : {".q.io", "xq.io", "q.io:80", "eu.q.io", "q", "10.0.0.0/8"}) {
    EXPECT_NE(Proxy(no_proxy, "https://q.io/"), "") << no_proxy;
  }
  for (const char* no_proxy : {"q.io", ".q.io", "*.q.io"}) {
    EXPECT_EQ(Proxy(no_proxy, "https://eu.q.io/"), "") << no_proxy;
    EXPECT_NE(Proxy(no_proxy, "https://euq.io/"), "") << no_proxy;
  }
}

TEST(Proxy, AddressesAndNetworks) {
  for (const char* no_proxy : {"10.1.2.3", "10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0"}) {
    EXPECT_EQ(Proxy(no_proxy, "http://10.1.2.3:5000/"), "") << no_proxy;
  }
  for (const char* no_proxy : {"10.1.2.4", "10.1.2.4/31", "10.1.2.3:80", "::/0"}) {
    EXPECT_NE(Proxy(no_proxy, "http://10.1.2.3:5000/"), "") << no_proxy;
  }
  for (const char* no_proxy : {"fd00::1", "[fd00::1]:5000", "fd00::/8"}) {
    EXPECT_EQ(Proxy(no_proxy, "http://[fd00::1]:5000/"), "") << no_proxy;
  }
}

TEST(Proxy, RefusesWhatIsNone) {
  EXPECT_FALSE(CheckProxyOptions({"https://p:1", "", ""}).ok());
  EXPECT_FALSE(CheckProxyOptions({"", "p:1", ""}).ok());
  EXPECT_FALSE(CheckProxyOptions({"http://user:password@p:1", "", ""}).ok());
  for (const char* no_proxy : {"10.0.0.0/33", "a b", "q.io:x", "http://q.io", "fd00::/129"}) {
    EXPECT_STATUS(CheckProxyOptions({"", "", no_proxy}), kInvalidArgument, "no_proxy") << no_proxy;
  }
}

}  // namespace
}  // namespace nacre::image
