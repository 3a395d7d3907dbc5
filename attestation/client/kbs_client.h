// A guest's way to its owner's secrets: one handshake with a key broker, then resources for as long
// as the token lasts. Speaks protocol 0.4.0 to our broker and to peers'.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/protocol/denials.h"
#include "attestation/protocol/launch_hint.h"
#include "attestation/protocol/messages.h"
#include "base/secret_bytes.h"
#include "base/status.h"
#include "tee/common/evidence.h"

namespace nacre::attestation {

// One more broker that knows this guest: another address of the same, or its stand-in.
struct KbsBroker {
  std::string url;
  std::string pinned_server_cert_pem;
  std::string pinned_public_key_pem;
  std::string trusted_ca_pem;
};

struct KbsClientOptions {
  std::string url;  // "https://10.0.2.2:8080"; plain http is refused
  // Whom the broker must be: at most one, see net/http_client.h. From measured configuration.
  std::string pinned_server_cert_pem;
  std::string pinned_public_key_pem;
  std::string trusted_ca_pem;

  // Asked in this order when those before cannot be reached, or are not whom they must be. A broker
  // that refuses is not gone around: its word is the owner's.
  std::vector<KbsBroker> fallbacks;
  std::string proxy_url;  // "http://10.0.2.2:3128", by CONNECT; empty: none

  tee::EvidenceSource* evidence_source = nullptr;  // not owned; must outlive the client
  std::optional<InitData> init_data;               // the document whose digest is in the report
  std::optional<LaunchHint> launch_hint;           // lets the broker's owner see what differs

  int64_t connect_timeout_ms = 5'000;
  int64_t request_timeout_ms = 30'000;  // one request
  int max_attempts = 4;                 // of one request to each broker, on transport errors only
  int64_t first_backoff_ms = 200;       // doubles each time, with jitter
};

// What the handshakes of a client took.
struct KbsTimings {
  uint64_t handshakes = 0;        // that earned a token
  int64_t last_handshake_us = 0;  // all of it, retries included
  int64_t last_quote_us = 0;      // of that, waiting for the evidence source
  int64_t last_resource_us = 0;   // of the last resource, its handshake not included
};

// Thread-safe. Concurrent callers share one handshake and its outcome, good or bad.
class KbsClient {
 public:
  // Makes the guest's key (EC P-256). kInvalidArgument for options that cannot work.
  static absl::StatusOr<std::unique_ptr<KbsClient>> Create(KbsClientOptions options);
  ~KbsClient();
  KbsClient(const KbsClient&) = delete;
  KbsClient& operator=(const KbsClient&) = delete;

  // `kbs_uri`: "kbs:///repository/type/tag". Attests first when there is no fresh token.
  //   kUnauthenticated    the broker refuses the evidence: "attestation refused by
  //                       https://10.0.2.2:8080: launch-measurement (id 1f2e...)"; or the broker is
  //                       not the pinned one
  //   kPermissionDenied   attested, but policy denies this resource
  //   kNotFound           no such resource
  //   kUnavailable, kDeadlineExceeded   no answer of any broker after max_attempts
  //   kDataLoss           an answer that is not of the protocol
  absl::StatusOr<SecretBytes> GetResource(std::string_view kbs_uri);

  // Tells the owner which requests of the host this guest's policy denied, oldest first, in as many
  // messages as it takes. Some may have arrived when it fails; sending one again does no harm.
  //   kUnavailable, kDeadlineExceeded   later, perhaps
  //   kPermissionDenied, kUnauthenticated   this broker does not take this guest's
  //   kNotFound           a broker that knows no such message
  absl::Status ReportDenials(std::span<const GuestDenial> denials);

  // The token itself, fresh for at least half a minute when the broker's tokens last that long.
  absl::StatusOr<std::string> GetToken();

  KbsTimings timings() const;

 private:
  class Impl;
  explicit KbsClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nacre::attestation
