// Absolute http and https URLs, as much of RFC 3986 as HTTP clients and servers need.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace nacre::net {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; an IPv6 address without its brackets
  uint16_t port = 0;   // never 0: 80 or 443 when the text names none
  std::string target;  // path and query as sent on the wire, "/" at least; no fragment

  bool tls() const { return scheme == "https"; }
  // "host:port", IPv6 in brackets: the name of the peer in errors.
  std::string HostPort() const;
  // The Host header: as HostPort(), without the port when it is the scheme's own.
  std::string Authority() const;
  // "scheme://authority": two URLs with one origin may share a connection.
  std::string Origin() const;
  std::string ToString() const;
};

// kInvalidArgument for another scheme, an empty or malformed host or port, user information
// ("user:password@", which would end up in logs), white space or control characters, or more than
// 8192 bytes. A fragment is dropped.
absl::StatusOr<Url> ParseUrl(std::string_view text);

// The target of a Location header seen from `base` (RFC 3986 section 5.2: absolute, "//host/path",
// "/path", "?query" and relative paths).
absl::StatusOr<Url> ResolveUrl(const Url& base, std::string_view reference);

// Escapes every byte but the unreserved ones (RFC 3986 section 2.3); '/' too unless `keep_slash`.
std::string PercentEncode(std::string_view text, bool keep_slash = false);
// kInvalidArgument for a bad escape or an escaped NUL. '+' stays '+'.
absl::StatusOr<std::string> PercentDecode(std::string_view text);

// "a=1&b=x%20y" taken apart and decoded, in order; a name without '=' has the value "". '+' is a
// space here.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ParseQuery(std::string_view query);

}  // namespace nacre::net
