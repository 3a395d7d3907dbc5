// Where the keys for sessions and tokens come from: files that kbs.toml names, or the store.
#pragma once

#include "attestation/broker/config.h"
#include "attestation/broker/key_ring.h"
#include "attestation/broker/session_cookie.h"
#include "attestation/broker/token.h"

namespace nacre::attestation {

KeyRingOptions SessionRing(const BrokerConfig& config);
KeyRingOptions TokenRing(const BrokerConfig& config);

// Errors are one line and name the file.
absl::StatusOr<SessionSealer> OpenSessionSealer(const BrokerConfig& config, Store* store);
absl::StatusOr<TokenSigner> OpenTokenSigner(const BrokerConfig& config, Store* store);

}  // namespace nacre::attestation
