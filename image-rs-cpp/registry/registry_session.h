// One request to one place that may have a repository: credentials, tokens, redirects, proxies,
// and patience with a server that is busy. What a request is about is registry_client.h's.
//
// A secret goes only to the origin it is for: credentials to the registry they are filed under, or
// to the token server that registry names over https; a token to the registry that asked for it,
// and not to the blob store it redirects to.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/registry/credentials.h"
#include "image-rs-cpp/registry/proxy.h"
#include "image-rs-cpp/registry/registries_conf.h"
#include "net/http_client.h"
#include "net/url.h"

namespace nacre::image {

struct RegistryOptions {
  // "host" or "host:port" exactly as in image references: these are spoken to over plain http.
  std::vector<std::string> insecure_registries;
  // PEM roots for https instead of the system's.
  std::string trusted_ca_pem;
  // PEM roots for https besides the system's.
  std::string extra_ca_pem;
  RegistriesConf registries;
  Credentials credentials;
  ProxyOptions proxy;
  int64_t connect_timeout_ms = 10'000;
  int64_t idle_timeout_ms = 30'000;  // longest silence during a download
  // Waits so many milliseconds; a test may do without.
  std::function<void(uint32_t)> sleep;
};

// Thread-safe. Connections are kept and used again.
class RegistrySession {
 public:
  static absl::StatusOr<std::unique_ptr<RegistrySession>> Create(const RegistryOptions& options,
                                                                 const Limits& limits);

  using OnBytes = std::function<absl::Status(ByteView)>;
  struct Request {
    const Endpoint* endpoint = nullptr;
    std::string target = {};  // "/v2/<repository>/...", or a whole URL the registry gave
    std::string method = "GET";
    net::HttpHeaders headers = {};
    std::string body = {};
    OnBytes on_bytes = nullptr;  // takes the body of a 2xx answer; none: it is in the answer
    net::HttpClient::OnHead on_head = nullptr;
  };
  // Any status but 401 the flows above can cure is a result. A request that failed before the first
  // byte of a body came, or was answered 429 or 5xx, is sent again (Limits::fetch_attempts) after a
  // delay. Errors: the HTTP client's; kUnauthenticated without the credentials asked for,
  // kPermissionDenied for plain http that is not allowed, kResourceExhausted for redirects without
  // end.
  absl::StatusOr<net::HttpResponse> Send(const Request& request);

  // Plain http is allowed with this registry.
  bool IsInsecure(const Endpoint& endpoint) const;

 private:
  struct Authorization {
    std::string value;     // of the header
    int64_t until_ms = 0;  // on the steady clock; 0: no end
  };
  using HttpClients = std::map<std::string, std::unique_ptr<net::HttpClient>>;  // by proxy

  RegistrySession(const RegistryOptions& options, const Limits& limits, HttpClients clients);
  absl::StatusOr<net::HttpResponse> SendOnce(const Request& request);
  // `away`: the answer came from another origin than `url`'s.
  absl::StatusOr<net::HttpResponse> FollowRedirects(const Request& request, net::Url url,
                                                    const std::string& authorization, bool* away);
  absl::StatusOr<std::string> Authenticate(const Endpoint& endpoint,
                                           const net::HttpResponse& refusal);
  absl::StatusOr<Authorization> AskForToken(const Endpoint& endpoint, std::string_view challenge);
  std::string Known(const Endpoint& endpoint);
  absl::Status CheckAllowed(const net::Url& url) const;
  bool IsListed(const std::string& host) const;
  net::HttpClient& ClientFor(const net::Url& url) const;

  const RegistryOptions options_;
  const Limits limits_;
  const HttpClients clients_;
  std::mutex mutex_;
  std::map<std::string, Authorization> authorizations_;  // by "<registry>/<repository>"
};

}  // namespace nacre::image
