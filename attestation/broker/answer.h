// An HTTP answer of the broker, with what its own log says about it.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "net/http_message.h"

namespace nacre::attestation {

struct Answer {
  net::HttpResponse response;
  std::string code;     // reason code of a refusal, "" otherwise
  std::string summary;  // for the broker's log; never sent
  // Of a request that is handled at once: it cannot be; nothing was done. The rest means nothing.
  bool has_to_wait = false;
};

// Why a request is refused. `variant` and `detail` are what the caller learns, with `code`.
struct Refusal {
  int status = 0;  // HTTP
  std::string variant;
  std::string code;
  std::string detail;
  std::string summary;  // more, for the log; `detail` when empty
};
Answer Refuse(const Refusal& refusal, std::string_view correlation_id);

// The answer to a request that failed for reasons of our own: the store, the generator. 404 for
// kNotFound, 429 for kResourceExhausted, 503 for kUnavailable, else 500. The message stays in the
// log.
Answer RefuseFailure(const absl::Status& status, std::string_view correlation_id);

// 405 with an Allow header.
Answer MethodNotAllowed(std::string_view allowed, std::string_view correlation_id);

Answer JsonAnswer(std::string body);

}  // namespace nacre::attestation
