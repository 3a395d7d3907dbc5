#include "guest-agent/network/network.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>

#include <functional>
#include <set>

#include "absl/strings/match.h"
#include "base/file.h"
#include "base/strings.h"
#include "guest-agent/limits.h"

namespace nacre::guest_agent {
namespace {

template <auto Put>
struct Release {
  void operator()(auto* object) const { Put(object); }
};
using CachePointer = std::unique_ptr<nl_cache, Release<nl_cache_free>>;
using LinkPointer = std::unique_ptr<rtnl_link, Release<rtnl_link_put>>;
using AddressPointer = std::unique_ptr<rtnl_addr, Release<rtnl_addr_put>>;
using RoutePointer = std::unique_ptr<rtnl_route, Release<rtnl_route_put>>;
using NetlinkAddress = std::unique_ptr<nl_addr, Release<nl_addr_put>>;

absl::Status NetlinkStatus(int error, std::string_view what) {
  if (error >= 0) return absl::OkStatus();
  const std::string message = StrCat("network: ", what, ": ", nl_geterror(error));
  if (-error == NLE_OBJ_NOTFOUND || -error == NLE_NODEV) return absl::NotFoundError(message);
  if (-error == NLE_PERM) return absl::PermissionDeniedError(message);
  return absl::InternalError(message);
}

absl::StatusOr<CachePointer> Links(nl_sock* socket) {
  nl_cache* cache = nullptr;
  RETURN_IF_ERROR(NetlinkStatus(rtnl_link_alloc_cache(socket, AF_UNSPEC, &cache), "listing links"));
  return CachePointer(cache);
}
absl::StatusOr<CachePointer> Addresses(nl_sock* socket) {
  nl_cache* cache = nullptr;
  RETURN_IF_ERROR(NetlinkStatus(rtnl_addr_alloc_cache(socket, &cache), "listing addresses"));
  return CachePointer(cache);
}
absl::StatusOr<CachePointer> Routes(nl_sock* socket) {
  nl_cache* cache = nullptr;
  RETURN_IF_ERROR(
      NetlinkStatus(rtnl_route_alloc_cache(socket, AF_UNSPEC, 0, &cache), "listing routes"));
  return CachePointer(cache);
}

// Every object of a cache; they belong to it.
template <typename Object>
void Visit(nl_cache* cache, const std::function<void(Object*)>& visit) {
  for (nl_object* object = nl_cache_get_first(cache); object != nullptr;
       object = nl_cache_get_next(object))
    visit(reinterpret_cast<Object*>(object));
}

std::string AddressText(nl_addr* address) {
  char text[128];
  return address == nullptr ? "" : nl_addr2str(address, text, sizeof(text));
}
// Without the prefix length.
std::string HostText(nl_addr* address) {
  const std::string text = AddressText(address);
  return text == "none" ? "" : text.substr(0, text.find('/'));
}

absl::StatusOr<NetlinkAddress> ParseAddress(const std::string& text) {
  nl_addr* address = nullptr;
  RETURN_IF_ERROR(NetlinkStatus(nl_addr_parse(text.c_str(), AF_UNSPEC, &address), "address"));
  return NetlinkAddress(address);
}

bool IsLoopbackLink(rtnl_link* link) { return (rtnl_link_get_flags(link) & IFF_LOOPBACK) != 0; }

// Borrowed from the cache; null when nothing matches.
rtnl_link* FindLink(nl_cache* links, const types::Interface& wanted) {
  rtnl_link* found = nullptr;
  Visit<rtnl_link>(links, [&](rtnl_link* link) {
    if (IsLoopbackLink(link)) return;
    const bool match =
        wanted.hwaddr().empty()
            ? wanted.device() == rtnl_link_get_name(link)
            : absl::EqualsIgnoreCase(wanted.hwaddr(), AddressText(rtnl_link_get_addr(link)));
    if (match && found == nullptr) found = link;
  });
  return found;
}

absl::Status ChangeLink(nl_sock* socket, rtnl_link* link, const types::Interface& wanted) {
  const std::string name = rtnl_link_get_name(link);
  const bool rename = !wanted.name().empty() && wanted.name() != name;
  if (rename && (rtnl_link_get_flags(link) & IFF_UP) != 0) {
    const LinkPointer down(rtnl_link_alloc());
    rtnl_link_unset_flags(down.get(), IFF_UP);
    RETURN_IF_ERROR(NetlinkStatus(rtnl_link_change(socket, link, down.get(), 0), name));
  }
  const LinkPointer change(rtnl_link_alloc());
  if (rename) rtnl_link_set_name(change.get(), wanted.name().c_str());
  if (wanted.mtu() != 0) rtnl_link_set_mtu(change.get(), wanted.mtu());
  rtnl_link_set_flags(change.get(), IFF_UP);
  return NetlinkStatus(rtnl_link_change(socket, link, change.get(), 0), name);
}

absl::Status SetAddresses(nl_sock* socket, int index, const types::Interface& wanted) {
  std::set<std::string> keep;
  for (const types::IPAddress& address : wanted.ipaddresses()) {
    ASSIGN_OR_RETURN(const NetlinkAddress local,
                     ParseAddress(StrCat(address.address(), "/", address.mask())));
    keep.insert(AddressText(local.get()));
    const AddressPointer entry(rtnl_addr_alloc());
    rtnl_addr_set_ifindex(entry.get(), index);
    RETURN_IF_ERROR(NetlinkStatus(rtnl_addr_set_local(entry.get(), local.get()), "address"));
    RETURN_IF_ERROR(
        NetlinkStatus(rtnl_addr_add(socket, entry.get(), NLM_F_REPLACE), "adding an address"));
  }
  ASSIGN_OR_RETURN(const CachePointer present, Addresses(socket));
  absl::Status status;
  Visit<rtnl_addr>(present.get(), [&](rtnl_addr* address) {
    if (rtnl_addr_get_ifindex(address) != index) return;
    if (rtnl_addr_get_scope(address) == RT_SCOPE_LINK) return;  // the kernel's own, IPv6
    if (keep.contains(AddressText(rtnl_addr_get_local(address)))) return;
    status.Update(NetlinkStatus(rtnl_addr_delete(socket, address, 0), "removing an address"));
  });
  return status;
}

void Describe(rtnl_link* link, nl_cache* addresses, types::Interface* out) {
  out->set_device(rtnl_link_get_name(link));
  out->set_name(rtnl_link_get_name(link));
  out->set_mtu(rtnl_link_get_mtu(link));
  out->set_hwaddr(AddressText(rtnl_link_get_addr(link)));
  Visit<rtnl_addr>(addresses, [&](rtnl_addr* address) {
    if (rtnl_addr_get_ifindex(address) != rtnl_link_get_ifindex(link)) return;
    types::IPAddress* entry = out->add_ipaddresses();
    const bool v6 = rtnl_addr_get_family(address) == AF_INET6;
    entry->set_family(v6 ? types::v6 : types::v4);
    entry->set_address(HostText(rtnl_addr_get_local(address)));
    entry->set_mask(StrCat(rtnl_addr_get_prefixlen(address)));
  });
}

absl::Status AddRoute(nl_sock* socket, nl_cache* links, const types::Route& wanted) {
  const int index = rtnl_link_name2i(links, wanted.device().c_str());
  if (index == 0) return absl::NotFoundError(StrCat("network: no device '", wanted.device(), "'"));
  const RoutePointer route(rtnl_route_alloc());
  const bool is_default = wanted.dest().empty() || wanted.dest() == "default";
  const bool v6 = absl::StrContains(is_default ? wanted.gateway() : wanted.dest(), ':');
  ASSIGN_OR_RETURN(const NetlinkAddress destination,
                   ParseAddress(is_default ? (v6 ? "::/0" : "0.0.0.0/0") : wanted.dest()));
  rtnl_route_set_family(route.get(), v6 ? AF_INET6 : AF_INET);
  rtnl_route_set_table(route.get(), RT_TABLE_MAIN);
  rtnl_route_set_protocol(route.get(), RTPROT_STATIC);
  RETURN_IF_ERROR(NetlinkStatus(rtnl_route_set_dst(route.get(), destination.get()), "route"));
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  rtnl_route_nh_set_ifindex(hop, index);
  rtnl_route_add_nexthop(route.get(), hop);  // owned by the route from here on
  const bool direct = wanted.gateway().empty();
  if (!direct) {
    ASSIGN_OR_RETURN(const NetlinkAddress gateway, ParseAddress(wanted.gateway()));
    rtnl_route_nh_set_gateway(hop, gateway.get());
  }
  const int natural = direct && !v6 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  rtnl_route_set_scope(route.get(), wanted.scope() != 0 ? wanted.scope() : natural);
  if (!wanted.source().empty()) {
    ASSIGN_OR_RETURN(const NetlinkAddress source, ParseAddress(wanted.source()));
    RETURN_IF_ERROR(NetlinkStatus(rtnl_route_set_pref_src(route.get(), source.get()), "route"));
  }
  if (wanted.mtu() != 0) rtnl_route_set_metric(route.get(), RTAX_MTU, wanted.mtu());
  return NetlinkStatus(rtnl_route_add(socket, route.get(), NLM_F_CREATE | NLM_F_REPLACE),
                       "adding a route");
}

// Routes the kernel made for its own addresses stay.
bool IsOurs(rtnl_route* route) {
  return rtnl_route_get_table(route) == RT_TABLE_MAIN &&
         rtnl_route_get_type(route) == RTN_UNICAST &&
         rtnl_route_get_protocol(route) != RTPROT_KERNEL;
}

void DescribeRoute(rtnl_route* route, nl_cache* links, types::Route* out) {
  char name[IFNAMSIZ] = {};
  rtnl_nexthop* hop = rtnl_route_nexthop_n(route, 0);
  nl_addr* destination = rtnl_route_get_dst(route);
  if (destination != nullptr && nl_addr_get_prefixlen(destination) > 0)
    out->set_dest(AddressText(destination));
  if (hop != nullptr) {
    rtnl_link_i2name(links, rtnl_route_nh_get_ifindex(hop), name, sizeof(name));
    out->set_gateway(HostText(rtnl_route_nh_get_gateway(hop)));
  }
  out->set_device(name);
  out->set_source(HostText(rtnl_route_get_pref_src(route)));
  out->set_scope(rtnl_route_get_scope(route));
  out->set_family(rtnl_route_get_family(route) == AF_INET6 ? types::v6 : types::v4);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Network>> Network::Open() {
  nl_sock* socket = nl_socket_alloc();
  if (socket == nullptr) return absl::ResourceExhaustedError("network: no netlink socket");
  std::unique_ptr<Network> network(new Network(socket));
  RETURN_IF_ERROR(NetlinkStatus(nl_connect(socket, NETLINK_ROUTE), "netlink"));
  return network;
}

Network::~Network() { nl_socket_free(socket_); }

absl::Status Network::BringLoopbackUp() {
  ASSIGN_OR_RETURN(const CachePointer links, Links(socket_));
  absl::Status status = absl::NotFoundError("network: there is no loopback device");
  Visit<rtnl_link>(links.get(), [&](rtnl_link* link) {
    if (!IsLoopbackLink(link)) return;
    const LinkPointer change(rtnl_link_alloc());
    rtnl_link_set_flags(change.get(), IFF_UP);
    status = NetlinkStatus(rtnl_link_change(socket_, link, change.get(), 0), "loopback");
  });
  return status;
}

absl::StatusOr<types::Interface> Network::UpdateInterface(const types::Interface& interface) {
  RETURN_IF_ERROR(CheckInterface(interface));
  ASSIGN_OR_RETURN(const CachePointer links, Links(socket_));
  rtnl_link* link = FindLink(links.get(), interface);
  if (link == nullptr)
    return absl::NotFoundError(StrCat("network: no device with address '", interface.hwaddr(),
                                      "' or name '", interface.device(), "'"));
  RETURN_IF_ERROR(ChangeLink(socket_, link, interface));
  RETURN_IF_ERROR(SetAddresses(socket_, rtnl_link_get_ifindex(link), interface));
  return interface;
}

absl::StatusOr<grpc::Routes> Network::UpdateRoutes(const grpc::Routes& routes) {
  if (routes.routes_size() > static_cast<int>(kMaxRoutes))
    return absl::ResourceExhaustedError(StrCat("network: more than ", kMaxRoutes, " routes"));
  for (const types::Route& route : routes.routes()) RETURN_IF_ERROR(CheckRoute(route));
  ASSIGN_OR_RETURN(const CachePointer present, nacre::guest_agent::Routes(socket_));
  absl::Status status;
  Visit<rtnl_route>(present.get(), [&](rtnl_route* route) {
    if (!IsOurs(route)) return;
    status.Update(NetlinkStatus(rtnl_route_delete(socket_, route, 0), "removing a route"));
  });
  RETURN_IF_ERROR(status);
  ASSIGN_OR_RETURN(const CachePointer links, Links(socket_));
  for (const bool direct : {true, false}) {
    for (const types::Route& route : routes.routes()) {
      if (route.gateway().empty() != direct) continue;
      RETURN_IF_ERROR(AddRoute(socket_, links.get(), route));
    }
  }
  return ListRoutes();
}

absl::StatusOr<grpc::Interfaces> Network::ListInterfaces() {
  ASSIGN_OR_RETURN(const CachePointer links, Links(socket_));
  ASSIGN_OR_RETURN(const CachePointer addresses, Addresses(socket_));
  grpc::Interfaces out;
  Visit<rtnl_link>(links.get(), [&](rtnl_link* link) {
    if (out.interfaces_size() < static_cast<int>(kMaxInterfaces))
      Describe(link, addresses.get(), out.add_interfaces());
  });
  return out;
}

absl::StatusOr<grpc::Routes> Network::ListRoutes() {
  ASSIGN_OR_RETURN(const CachePointer links, Links(socket_));
  ASSIGN_OR_RETURN(const CachePointer routes, nacre::guest_agent::Routes(socket_));
  grpc::Routes out;
  Visit<rtnl_route>(routes.get(), [&](rtnl_route* route) {
    if (rtnl_route_get_table(route) == RT_TABLE_MAIN && rtnl_route_get_type(route) == RTN_UNICAST &&
        out.routes_size() < static_cast<int>(kMaxRoutes))
      DescribeRoute(route, links.get(), out.add_routes());
  });
  return out;
}

google::protobuf::RepeatedPtrField<grpc::NetworkStats> ReadNetworkStats(const std::string& folder) {
  google::protobuf::RepeatedPtrField<grpc::NetworkStats> out;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(folder.c_str()), closedir);
  while (const dirent* entry = dir == nullptr ? nullptr : readdir(dir.get())) {
    const std::string name = entry->d_name;
    if (name.starts_with('.') || name == "lo") continue;
    const auto counter = [&](const char* file) {
      const auto text = ReadTextFile(StrCat(folder, "/", name, "/statistics/", file), 64);
      uint64_t value = 0;
      if (text.ok() && !ParseNumber(StripSpace(*text), &value)) value = 0;
      return value;
    };
    grpc::NetworkStats* stats = out.Add();
    stats->set_name(name);
    stats->set_rx_bytes(counter("rx_bytes"));
    stats->set_rx_packets(counter("rx_packets"));
    stats->set_rx_errors(counter("rx_errors"));
    stats->set_rx_dropped(counter("rx_dropped"));
    stats->set_tx_bytes(counter("tx_bytes"));
    stats->set_tx_packets(counter("tx_packets"));
    stats->set_tx_errors(counter("tx_errors"));
    stats->set_tx_dropped(counter("tx_dropped"));
  }
  return out;
}

}  // namespace nacre::guest_agent
