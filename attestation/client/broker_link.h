// One broker over HTTP: sends requests, retries what never arrived, reads refusals.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "attestation/client/kbs_client.h"
#include "base/status.h"
#include "net/http_client.h"

namespace nacre::attestation {

// Thread-safe.
class BrokerLink {
 public:
  // To `broker`, with the limits and the proxy of `options`.
  static absl::StatusOr<std::unique_ptr<BrokerLink>> Create(const KbsBroker& broker,
                                                            const KbsClientOptions& options);

  // One try. `path` starts with "/kbs/v0/". Errors are those of net::HttpClient.
  absl::StatusOr<net::HttpResponse> Send(std::string_view method, std::string_view path,
                                         net::HttpHeaders headers, std::string body);

  // What a response other than 200 means, with the code of RefusalError: "<what> refused by <url>:
  // <code or detail> (id <correlation id>)".
  absl::Status RefusalStatus(std::string_view what, const net::HttpResponse& response) const;

  const std::string& url() const { return url_; }

 private:
  BrokerLink(std::string url, std::unique_ptr<net::HttpClient> http)
      : url_(std::move(url)), http_(std::move(http)) {}
  std::string url_;  // without a slash at its end
  std::unique_ptr<net::HttpClient> http_;
};

// Whether a failed exchange may be tried again: it failed on the way, or the broker was too busy;
// nobody refused.
bool IsTransportError(const absl::Status& status);

// Whether what answers at the broker's address is somebody else: another certificate or key than
// the pinned one, no TLS.
bool IsStranger(const absl::Status& status);

// Sleeps before attempt `attempt` + 1 (counted from 1): the first backoff doubled for each attempt
// before, at most 10 s, of which a random half is left out so that many guests do not come at once.
void BackOff(int attempt, int64_t first_backoff_ms);

}  // namespace nacre::attestation
