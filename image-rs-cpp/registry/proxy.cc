#include "image-rs-cpp/registry/proxy.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "base/bytes.h"
#include "base/strings.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

// 4 or 16 bytes.
std::optional<Bytes> ParseAddress(std::string_view text) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  }
  const std::string copy(text);
  Bytes out(16);
  if (inet_pton(AF_INET6, copy.c_str(), out.data()) == 1) return out;
  out.resize(4);
  if (inet_pton(AF_INET, copy.c_str(), out.data()) == 1) return out;
  return std::nullopt;
}

struct Network {
  Bytes address;
  uint32_t bits = 0;
};

std::optional<Network> ParseNetwork(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  std::optional<Bytes> address = ParseAddress(text.substr(0, slash));
  Network out;
  if (!address || !ParseNumber(text.substr(slash + 1), &out.bits)) return std::nullopt;
  if (out.bits > address->size() * 8) return std::nullopt;
  out.address = *std::move(address);
  return out;
}

bool Contains(const Network& network, const Bytes& address) {
  if (network.address.size() != address.size()) return false;
  for (uint32_t bit = 0; bit < network.bits; ++bit) {
    const uint8_t mask = static_cast<uint8_t>(0x80 >> (bit % 8));
    if ((network.address[bit / 8] & mask) != (address[bit / 8] & mask)) return false;
  }
  return true;
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = absl::ascii_tolower(static_cast<unsigned char>(c));
  return out;
}

// "host", "host:port", "[::1]:port"; a bare IPv6 address has no port.
struct Entry {
  std::string host;
  uint16_t port = 0;  // 0: any
};

std::optional<Entry> ParseEntry(std::string_view text) {
  Entry out;
  const size_t colon = text.rfind(':');
  const bool has_port = colon != text.npos && !ParseAddress(text);
  if (has_port && !ParseNumber(text.substr(colon + 1), &out.port)) return std::nullopt;
  out.host = Lower(has_port ? text.substr(0, colon) : text);
  if (out.host.starts_with("*.")) out.host.erase(0, 1);
  const bool name = !out.host.empty() && std::all_of(out.host.begin(), out.host.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
  });
  if (!name && !ParseAddress(out.host)) return std::nullopt;
  return out;
}

bool Bypasses(std::string_view text, const net::Url& url) {
  if (text == "*") return true;
  const std::optional<Bytes> address = ParseAddress(url.host);
  if (const auto network = ParseNetwork(text)) return address && Contains(*network, *address);
  const std::optional<Entry> entry = ParseEntry(text);
  if (!entry || (entry->port != 0 && entry->port != url.port)) return false;
  if (const auto wanted = ParseAddress(entry->host)) return address && *wanted == *address;
  std::string_view host = entry->host;
  const bool below_only = host.starts_with('.');
  if (!below_only && url.host == host) return true;
  const std::string dotted = below_only ? std::string(host) : StrCat(".", host);
  return url.host.size() > dotted.size() && std::string_view(url.host).ends_with(dotted);
}

}  // namespace

absl::Status CheckProxyOptions(const ProxyOptions& options) {
  for (const std::string& proxy : {options.http_proxy, options.https_proxy}) {
    if (proxy.empty()) continue;
    ASSIGN_OR_RETURN(const net::Url url, net::ParseUrl(proxy), "proxy");
    if (url.tls()) return absl::InvalidArgumentError("proxy: want http://..., not https");
  }
  for (std::string_view text : StrSplit(options.no_proxy, ',')) {
    text = StripSpace(text);
    if (text.empty() || text == "*" || ParseNetwork(text) || ParseEntry(text)) continue;
    return absl::InvalidArgumentError(
        StrCat("no_proxy: '", Printable(text), "' is not a host, an address or a network"));
  }
  return absl::OkStatus();
}

std::string ProxyFor(const ProxyOptions& options, const net::Url& url) {
  const std::string& proxy = url.tls() ? options.https_proxy : options.http_proxy;
  if (proxy.empty()) return "";
  for (std::string_view text : StrSplit(options.no_proxy, ',')) {
    if (Bypasses(StripSpace(text), url)) return "";
  }
  return proxy;
}

}  // namespace nacre::image
