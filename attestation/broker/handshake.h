// The guest's side of the broker, first half: a nonce is asked for, evidence is brought, a token is
// earned. The only state between the two is the sealed cookie, and a ledger of nonces already used.
#pragma once

#include <functional>

#include "attestation/broker/answer.h"
#include "attestation/broker/context.h"

namespace nacre::attestation {

// POST /kbs/v0/auth: Request -> Challenge and the session cookie.
Answer HandleAuth(BrokerContext& context, const Call& call);

// POST /kbs/v0/attest: Attestation with the cookie -> token. A session that has its token gets the
// same one again. A refusal names a reason code and an id; the owner finds the rest in the log.
// `finish` is called once, maybe later and by another thread: when what the attestation came to is
// durable.
void HandleAttest(BrokerContext& context, const Call& call, std::function<void(Answer)> finish);

}  // namespace nacre::attestation
