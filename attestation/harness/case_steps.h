// Steps that many cases share.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "attestation/harness/case.h"
#include "attestation/harness/lab.h"

namespace nacre::attestation::harness {

// A message that is not of the protocol.
inline Expected Malformed() { return Refused({400, 401}); }
// Evidence, session or token that is not believed.
inline Expected NotAttested() { return Refused({401}); }
// Either: what is wrong shows in the form to one broker and in the meaning to another.
inline Expected NotBelieved() { return Refused({400, 401}); }

using JsonChange = std::function<void(Json&)>;

// The honest Request of the lab's guest, spoilt.
std::string RequestText(const Lab& lab, const JsonChange& change = {});
Case RequestCase(std::string name, std::string what, JsonChange change, Expected expected);

// The honest Attestation of the guest for a new session, spoilt on its way.
Case AttestCase(std::string name, std::string what, JsonChange change, Expected expected);
// Spoilt as text.
Case AttestTextCase(std::string name, std::string what,
                    std::function<std::string(std::string)> change, Expected expected);

// Text of JSON as it is, whether or not it is well formed Unicode.
std::string TextOf(const Json& json);
// `text` with the first `from` replaced; unchanged text would make a case that cannot fail, so that
// is an error.
absl::StatusOr<std::string> Replaced(std::string text, std::string_view from, std::string_view to);

// A reply's body as a JSON object, or what is wrong with it.
absl::StatusOr<Json> BodyOf(const Reply& reply);

// "got <what>" helpers of checks: "" when `good`.
inline std::string Unless(bool good, std::string got) { return good ? "" : got; }

}  // namespace nacre::attestation::harness
