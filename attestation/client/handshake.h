// The guest's half of the handshake: Request, Challenge, evidence, token.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "attestation/client/broker_link.h"
#include "attestation/client/kbs_client.h"
#include "attestation/protocol/evidence_kind.h"
#include "base/json.h"
#include "base/status.h"

namespace nacre::attestation {

using BrokerLinks = std::vector<std::unique_ptr<BrokerLink>>;  // in the order of asking

struct HandshakeResult {
  std::string token;
  BrokerLink* link = nullptr;  // whose token it is
  int64_t quote_us = 0;        // spent in the evidence source
};

// One whole handshake, with the first of `links` that answers. A failure on the way starts it over
// with a new nonce, up to options.max_attempts times: a broker takes a nonce only once, so the last
// step alone can never be repeated. A refusal is returned at once. `kind` is what the guest's
// source is thought to give, and is put right by what it gives: a wrong guess costs one more nonce
// and quote.
absl::StatusOr<HandshakeResult> PerformHandshake(const BrokerLinks& links,
                                                 const KbsClientOptions& options,
                                                 const Json& tee_pubkey, EvidenceKind* kind);

// "name=value" of the session cookie in a response, to be sent back; "" when it sets none.
std::string SessionCookieOf(const net::HttpHeaders& headers);

}  // namespace nacre::attestation
