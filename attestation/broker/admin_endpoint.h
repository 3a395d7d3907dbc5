// The owner's side of the broker. Every call needs "Authorization: Bearer <admin token>"
// (attestation/protocol/jwt.h); without one nothing here answers.
//
//   POST, DELETE /kbs/v0/resource/<repository>/<type>/<tag>   raw bytes
//   GET    /kbs/v0/admin/resources                 {"resources":[path...]}
//   POST   /kbs/v0/reference-value                 a document of `nacre measure --reference`
//   GET    /kbs/v0/reference-value {"reference-values":[{"name","registered_at"}...]} GET, DELETE
//   /kbs/v0/reference-value/<name>     the document GET    /kbs/v0/admin/attestations/<id|last>
//   explanation.h, with "code" and "summary"
#pragma once

#include <optional>

#include "attestation/broker/answer.h"
#include "attestation/broker/context.h"

namespace nacre::attestation {

// nullopt when this method and path are none of the above.
std::optional<Answer> HandleAdmin(BrokerContext& context, const Call& call);

}  // namespace nacre::attestation
