// The JSON body of a refused request: what peers expect ("type", "detail"), plus a code to branch
// on and an id under which the broker's owner finds the whole story.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace nacre::attestation {

struct ErrorBody {
  std::string variant;         // "AttestationError", "PolicyDeny", ...: the end of the type URL
  std::string detail;          // one sentence that is safe to show the guest and its host
  std::string code;            // "launch-measurement", "nonce-replayed", ...; may be empty
  std::string correlation_id;  // may be empty
};

inline constexpr std::string_view kErrorTypePrefix =
    "https://github.com/confidential-containers/kbs/errors/";

std::string SerializeErrorBody(const ErrorBody& error);

// For a client: a peer's body has no code and no id. kInvalidArgument when it is no such JSON.
absl::StatusOr<ErrorBody> ParseErrorBody(std::string_view text);

// What a response other than 200 means to a client, with `message`: 401 kUnauthenticated, 403
// kPermissionDenied, 404 kNotFound, 400 and 413 kInvalidArgument, 429 and 503 kUnavailable (it may
// be asked again), else kInternal.
absl::Status RefusalError(int http_status, const std::string& message);

}  // namespace nacre::attestation
