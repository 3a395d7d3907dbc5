// The owner's policies over HTTP; the caller has been let in by admin_gate.h. Bodies are what
// peers' tools send: {"policy": base64url of the Rego text} and, for attestation policies,
// "policy_id".
//
//   POST, GET            /kbs/v0/attestation-policy            GET: {"policies":[{"id",...}]}
//   GET, DELETE          /kbs/v0/attestation-policy/<id>       GET: the text
//   POST, GET            /kbs/v0/resource-policy               the policy for all resources; the
//   ids POST, GET, DELETE    /kbs/v0/resource-policy/<prefix>      <repository>[/<type>[/<tag>]]
//
// A policy that does not compile is answered 400 with line and reason, and changes nothing.
#pragma once

#include <optional>

#include "attestation/broker/answer.h"
#include "attestation/broker/context.h"

namespace nacre::attestation {

// nullopt when the path is none of the above; 405 for another method.
std::optional<Answer> HandlePolicies(BrokerContext& context, const Call& call,
                                     const Change& change);

}  // namespace nacre::attestation
