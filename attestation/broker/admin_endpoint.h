// The owner's side of the broker. Every call needs the credentials of someone whose role allows it
// (admin_gate.h); nothing here answers without.
//
//   POST, DELETE  /kbs/v0/resource/<repository>/<type>/<tag>   raw bytes
//   GET           /kbs/v0/admin/resources              {"resources":[path...]}
//   POST          /kbs/v0/reference-value              a document of `nacre measure --reference`,
//   or
//                                                      a peer's message (reference_catalogue.h)
//   GET           /kbs/v0/reference-value              {"reference-values":[{"name",...}...]}
//   GET, DELETE   /kbs/v0/reference-value/<name>       the document, or the value alone
//   GET           /kbs/v0/admin/attestations/<id|last> explanation.h, with "code" and "summary"
//   ...           /kbs/v0/attestation-policy, /kbs/v0/resource-policy: policy_endpoint.h
#pragma once

#include <optional>

#include "attestation/broker/answer.h"
#include "attestation/broker/context.h"

namespace nacre::attestation {

// nullopt when this method and path are none of the above.
std::optional<Answer> HandleAdmin(BrokerContext& context, const Call& call);

}  // namespace nacre::attestation
