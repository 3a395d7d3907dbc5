// A reference document that says who made it: a JSON Web Signature (RFC 7515, compact
// serialisation) whose payload is the document's text, made by `nacre measure --sign-key` or by any
// other tool that makes such signatures. The header has "typ" kReferenceJwsType, so that nothing
// else the same key signs, a token say, is taken for one.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "crypto/key.h"

namespace nacre::attestation {

inline constexpr std::string_view kReferenceJwsType = "nacre-reference+jws";

// Whether `text` is to be read as a JWS rather than as the JSON of a document.
bool IsSignedReference(std::string_view text);

// ES256 with a key on P-256, ES384 on P-384; kInvalidArgument for another key.
absl::StatusOr<std::string> SignReference(std::string_view document, const crypto::PrivateKey& key);

// The document inside, which is NOT verified: for those who only want to read it.
// kInvalidArgument when `text` is no such JWS.
absl::StatusOr<std::string> UnverifiedReference(std::string_view text);

}  // namespace nacre::attestation
