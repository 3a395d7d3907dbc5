// What every endpoint of the broker works with, and one request under way.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "attestation/broker/admin_gate.h"
#include "attestation/broker/config.h"
#include "attestation/broker/explanation.h"
#include "attestation/broker/key_set.h"
#include "attestation/broker/metrics.h"
#include "attestation/broker/policy_catalogue.h"
#include "attestation/broker/reference_catalogue.h"
#include "attestation/broker/session_cookie.h"
#include "attestation/broker/store.h"
#include "attestation/broker/token.h"
#include "attestation/verifier/appraiser.h"
#include "crypto/key.h"
#include "net/http_server.h"

namespace nacre::attestation {

// Another attestation service whose tokens count here.
struct TrustedTokens {
  TokenExpectations expected;
  KeySet keys;
};

struct BrokerContext {
  BrokerConfig config;
  std::unique_ptr<Store> store;
  std::unique_ptr<ReferenceCatalogue> references;  // over `store`
  std::unique_ptr<PolicyCatalogue> policies;
  SessionSealer sessions;
  TokenSigner tokens;
  Appraiser appraiser;
  AdminGate admins;
  std::vector<TrustedTokens> trusted_tokens;  // of other attestation services
  std::unique_ptr<Metrics> metrics;
  std::function<int64_t()> unix_time;  // seconds; tests set it
};

// Reads the keys and opens the store that `config` names. Errors are one line and name the file.
absl::StatusOr<std::unique_ptr<BrokerContext>> OpenBrokerContext(const BrokerConfig& config);

struct Call {
  const net::HttpServerRequest& request;
  RequestOrigin origin;    // id, peer, time
  std::string actor = {};  // who administers, once that is known
  bool at_once = false;    // may not wait for disk or network; see Answer::has_to_wait
};

}  // namespace nacre::attestation
