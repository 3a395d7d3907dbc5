#include <gtest/gtest.h>

#include "base/file.h"
#include "guest-agent/network/network.h"

namespace nacre::guest_agent {
namespace {

types::Interface GoodInterface() {
  types::Interface out;
  out.set_hwaddr("52:54:00:12:34:56");
  out.set_name("eth0");
  out.set_mtu(1500);
  types::IPAddress* address = out.add_ipaddresses();
  address->set_address("10.0.2.15");
  address->set_mask("24");
  return out;
}

types::Route GoodRoute() {
  types::Route out;
  out.set_gateway("10.0.2.2");
  out.set_device("eth0");
  return out;
}

TEST(CheckInterface, TakesWhatAShimSends) {
  types::Interface interface = GoodInterface();
  EXPECT_TRUE(CheckInterface(interface).ok());
  interface.clear_hwaddr();
  interface.set_device("ens3");
  EXPECT_TRUE(CheckInterface(interface).ok());
  interface.mutable_ipaddresses(0)->set_address("fec0::15");
  interface.mutable_ipaddresses(0)->set_mask("128");
  EXPECT_TRUE(CheckInterface(interface).ok());
}

TEST(CheckInterface, RefusesEachBadField) {
  const auto refused = [](void (*change)(types::Interface*)) {
    types::Interface interface = GoodInterface();
    change(&interface);
    return !CheckInterface(interface).ok();
  };
  EXPECT_TRUE(refused([](types::Interface* i) { i->set_hwaddr("52:54:00:12:34"); }));
  EXPECT_TRUE(refused([](types::Interface* i) { i->set_hwaddr("52-54-00-12-34-56"); }));
  EXPECT_TRUE(refused([](types::Interface* i) { i->set_hwaddr("gg:54:00:12:34:56"); }));
  EXPECT_TRUE(refused([](types::Interface* i) { i->clear_hwaddr(); }));
  EXPECT_TRUE(refused([](types::Interface* i) { i->set_name("lo"); }));
  EXPECT_TRUE(refused([](types::Interface* i) { i->set_name("../eth0"); }));
  EXPECT_TRUE(refused([](types::Interface* i) { i->set_name("eth0 up"); }));
  EXPECT_TRUE(refused([](types::Interface* i) { i->set_name(std::string(16, 'a')); }));
  EXPECT_FALSE(refused([](types::Interface* i) { i->set_name(std::string(15, 'a')); }));
  EXPECT_TRUE(refused([](types::Interface* i) { i->set_mtu(67); }));
  EXPECT_FALSE(refused([](types::Interface* i) { i->set_mtu(68); }));
  EXPECT_FALSE(refused([](types::Interface* i) { i->set_mtu(65535); }));
  EXPECT_TRUE(refused([](types::Interface* i) { i->set_mtu(65536); }));
  EXPECT_TRUE(refused([](types::Interface* i) { i->set_raw_flags(0x80); }));
  EXPECT_TRUE(
      refused([](types::Interface* i) { i->mutable_ipaddresses(0)->set_address("127.0.0.2"); }));
  EXPECT_TRUE(refused([](types::Interface* i) { i->mutable_ipaddresses(0)->set_address("::1"); }));
  EXPECT_TRUE(refused([](types::Interface* i) { i->mutable_ipaddresses(0)->set_address("host"); }));
  EXPECT_TRUE(refused([](types::Interface* i) { i->mutable_ipaddresses(0)->set_mask("33"); }));
  EXPECT_FALSE(refused([](types::Interface* i) { i->mutable_ipaddresses(0)->set_mask("32"); }));
  EXPECT_TRUE(refused([](types::Interface* i) { i->mutable_ipaddresses(0)->set_mask(""); }));
  EXPECT_TRUE(refused([](types::Interface* i) { i->mutable_ipaddresses(0)->set_mask("-1"); }));
}

TEST(CheckRoute, TakesDefaultAndNetworkRoutes) {
  types::Route route = GoodRoute();
  EXPECT_TRUE(CheckRoute(route).ok());
  route.set_dest("default");
  EXPECT_TRUE(CheckRoute(route).ok());
  route.set_dest("192.168.0.0/16");
  route.set_source("10.0.2.15");
  EXPECT_TRUE(CheckRoute(route).ok());
  route.clear_gateway();
  EXPECT_TRUE(CheckRoute(route).ok());
}

TEST(CheckRoute, RefusesEachBadField) {
  const auto refused = [](void (*change)(types::Route*)) {
    types::Route route = GoodRoute();
    change(&route);
    return !CheckRoute(route).ok();
  };
  EXPECT_TRUE(refused([](types::Route* r) { r->set_device("lo"); }));
  EXPECT_TRUE(refused([](types::Route* r) { r->clear_device(); }));
  EXPECT_TRUE(refused([](types::Route* r) { r->set_dest("127.0.0.0/8"); }));
  EXPECT_TRUE(refused([](types::Route* r) { r->set_dest("::1/128"); }));
  EXPECT_TRUE(refused([](types::Route* r) { r->set_dest("::ffff:127.0.0.1/128"); }));
  EXPECT_TRUE(refused([](types::Route* r) { r->set_dest("10.0.0.0/33"); }));
  EXPECT_TRUE(refused([](types::Route* r) { r->set_dest("10.0.0.0/"); }));
  EXPECT_TRUE(refused([](types::Route* r) { r->set_dest("everywhere"); }));
  EXPECT_TRUE(refused([](types::Route* r) { r->set_gateway("127.0.0.1"); }));
  EXPECT_TRUE(refused([](types::Route* r) { r->set_source("fec0::1"); }));
  EXPECT_TRUE(refused([](types::Route* r) { r->clear_gateway(); }));
  EXPECT_TRUE(refused([](types::Route* r) { r->set_scope(256); }));
  EXPECT_TRUE(refused([](types::Route* r) { r->set_mtu(65536); }));
}

TEST(NetworkStats, ReadsCountersOfAllButLoopback) {
  const TemporaryDirectory folder = TemporaryDirectory::Create("net").value();
  for (const char* name : {"eth0", "lo"}) {
    const std::string statistics = folder.path() + "/" + name + "/statistics";
    ASSERT_TRUE(MakeDirectories(statistics).ok());
    ASSERT_TRUE(WriteFile(statistics + "/rx_bytes", AsBytes("1234\n")).ok());
  }
  const auto stats = ReadNetworkStats(folder.path());
  ASSERT_EQ(stats.size(), 1);
  EXPECT_EQ(stats[0].name(), "eth0");
  EXPECT_EQ(stats[0].rx_bytes(), 1234u);
  EXPECT_EQ(stats[0].tx_bytes(), 0u);
}

}  // namespace
}  // namespace nacre::guest_agent
