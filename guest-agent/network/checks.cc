// What may stand in an interface or a route, before the kernel is asked anything.

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "base/strings.h"
#include "guest-agent/network/network.h"

namespace nacre::guest_agent {
namespace {

constexpr uint64_t kMinMtu = 68;  // RFC 791
constexpr uint64_t kMaxMtu = 65535;
constexpr int kMaxAddresses = 32;

absl::Status Bad(std::string_view field, std::string_view value) {
  return absl::InvalidArgumentError(
      StrCat("network: ", field, " '", absl::CHexEscape(std::string(value)), "' is not valid"));
}

// 0 when it is no address.
int Family(const std::string& address) {
  in6_addr buffer;
  if (inet_pton(AF_INET, address.c_str(), &buffer) == 1) return AF_INET;
  return inet_pton(AF_INET6, address.c_str(), &buffer) == 1 ? AF_INET6 : 0;
}

bool IsLoopback(const std::string& address) {
  in_addr v4;
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6;
  return inet_pton(AF_INET6, address.c_str(), &v6) == 1 &&
         (IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_V4MAPPED(&v6));
}

bool IsPrefix(std::string_view text, int family) {
  uint32_t length = 0;
  return !text.empty() && std::ranges::all_of(text, absl::ascii_isdigit) &&
         ParseNumber(text, &length) && length <= (family == AF_INET ? 32u : 128u);
}

// As the kernel takes it: short, printable, no '/', ':' or space; and not loopback's.
bool IsDeviceName(std::string_view name) {
  return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." && name != "lo" &&
         std::ranges::all_of(name,
                             [](char c) { return absl::ascii_isgraph(c) && c != '/' && c != ':'; });
}

bool IsHardwareAddress(std::string_view text) {
  if (text.size() != 17) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i % 3 == 2 ? text[i] != ':' : !absl::ascii_isxdigit(text[i])) return false;
  }
  return true;
}

}  // namespace

absl::Status CheckInterface(const types::Interface& interface) {
  if (!interface.hwaddr().empty() && !IsHardwareAddress(interface.hwaddr()))
    return Bad("hwAddr", interface.hwaddr());
  if (interface.hwaddr().empty() && !IsDeviceName(interface.device()))
    return Bad("device", interface.device());
  if (!interface.name().empty() && !IsDeviceName(interface.name()))
    return Bad("name", interface.name());
  if (interface.mtu() != 0 && (interface.mtu() < kMinMtu || interface.mtu() > kMaxMtu))
    return Bad("mtu", StrCat(interface.mtu()));
  if (interface.raw_flags() != 0) return Bad("raw_flags", StrCat(interface.raw_flags()));
  if (interface.ipaddresses_size() > kMaxAddresses)
    return absl::ResourceExhaustedError(StrCat("network: more than ", kMaxAddresses, " addresses"));
  for (const types::IPAddress& address : interface.ipaddresses()) {
    const int family = Family(address.address());
    if (family == 0 || IsLoopback(address.address())) return Bad("address", address.address());
    if (!IsPrefix(address.mask(), family)) return Bad("mask", address.mask());
  }
  return absl::OkStatus();
}

absl::Status CheckRoute(const types::Route& route) {
  if (!IsDeviceName(route.device())) return Bad("device", route.device());
  int family = 0;
  if (!route.dest().empty() && route.dest() != "default") {
    const size_t slash = route.dest().find('/');
    const std::string address = route.dest().substr(0, slash);
    family = Family(address);
    if (family == 0 || IsLoopback(address)) return Bad("dest", route.dest());
    if (slash != route.dest().npos &&
        !IsPrefix(std::string_view(route.dest()).substr(slash + 1), family))
      return Bad("dest", route.dest());
  }
  for (const std::string* address : {&route.gateway(), &route.source()}) {
    if (address->empty()) continue;
    const int own = Family(*address);
    if (own == 0 || IsLoopback(*address) || (family != 0 && own != family))
      return Bad("address", *address);
    family = own;
  }
  if (route.dest().empty() && route.gateway().empty())
    return absl::InvalidArgumentError("network: a route has neither destination nor gateway");
  if (route.mtu() > kMaxMtu) return Bad("mtu", StrCat(route.mtu()));
  if (route.scope() > 255) return Bad("scope", StrCat(route.scope()));
  return absl::OkStatus();
}

}  // namespace nacre::guest_agent
