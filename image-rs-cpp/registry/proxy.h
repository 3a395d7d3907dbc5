// Which proxy a request goes through, by the usual three settings.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "net/url.h"

namespace nacre::image {

struct ProxyOptions {
  std::string http_proxy;   // "http://proxy:3128", for http URLs; empty: none
  std::string https_proxy;  // for https URLs
  // Comma-separated: "*", host names (which cover what is below them, with or without a dot in
  // front), addresses, networks ("10.0.0.0/8", "fd00::/8"); each but a network may end in ":port".
  std::string no_proxy;
};

// kInvalidArgument for a proxy that is no http URL, or an entry of no_proxy that is none of the
// above.
absl::Status CheckProxyOptions(const ProxyOptions& options);

// The proxy for this URL, or "" for none.
std::string ProxyFor(const ProxyOptions& options, const net::Url& url);

}  // namespace nacre::image
