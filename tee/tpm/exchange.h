// Enrolment and a first quote over one byte stream, as three lines of JSON:
//
//   guest:    {"ek_certificate": base64, "ak_public": base64}
//   verifier: {"id_object": base64, "encrypted_secret": base64, "nonce": base64}
//   guest:    {"secret": base64, "evidence": {...}}     (evidence as in evidence_json.h)
#pragma once

#include <string>
#include <string_view>

#include "base/deadline.h"
#include "tee/tpm/credential.h"
#include "tee/tpm/evidence_json.h"

namespace nacre::tee::tpm {

struct Hello {
  Bytes ek_certificate;
  Bytes ak_public;
};
struct Challenge {
  Credential credential;
  Bytes nonce;
};
struct Answer {
  Bytes secret;
  TpmDocument document;
};

// Each with its line end.
std::string FormatHello(const Hello& hello);
std::string FormatChallenge(const Challenge& challenge);
std::string FormatAnswer(const Answer& answer);
// kInvalidArgument for anything else.
absl::StatusOr<Hello> ParseHello(std::string_view line);
absl::StatusOr<Challenge> ParseChallenge(std::string_view line);
absl::StatusOr<Answer> ParseAnswer(std::string_view line);

// The next line of `fd` with a '{', from there on and without its end: what a firmware's console
// said at the same port before is passed over. kResourceExhausted past `max_size`,
// kDeadlineExceeded, kUnavailable when the stream ends.
absl::StatusOr<std::string> ReadJsonLine(int fd, size_t max_size, const Deadline& deadline);

}  // namespace nacre::tee::tpm
