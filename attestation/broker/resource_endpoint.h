// GET /kbs/v0/resource/<repository>/<type>/<tag>: the guest's side of the broker, second half.
#pragma once

#include <string_view>

#include "attestation/broker/answer.h"
#include "attestation/broker/context.h"

namespace nacre::attestation {

// What the request's token says of its guest, wherever the token is (the session cookie's counts
// first, then a Bearer token), with all its claims. kUnauthenticated when there is none that
// counts.
absl::StatusOr<EarSummary> ReadGuestToken(const BrokerContext& context, const Call& call,
                                          Json* claims);

// `path_text` is what follows /kbs/v0/resource/, still percent-encoded. The session cookie's token
// counts first, then a Bearer token. 200 is a flattened JWE for the key the token names; 401
// without a token, 403 when policy denies (with a row in the log), 404 for no such resource.
Answer HandleGetResource(BrokerContext& context, const Call& call, std::string_view path_text);

}  // namespace nacre::attestation
