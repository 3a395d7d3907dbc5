// What an owner hands in as reference values, read: documents of attestation/reference, and
// messages of Confidential Containers' reference value service.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "attestation/broker/store.h"
#include "attestation/verifier/launch_registers.h"
#include "base/status.h"

namespace nacre::attestation {

// The schema of what is stored for a plain value: {"schema", "value"}.
inline constexpr std::string_view kPlainSchema = "nacre.reference.plain/1";

// "schema" of a document, "" when it has none. Only to choose a parser, which says what is wrong
// with a document that is none.
std::string SchemaOf(std::string_view document);

// Adds the one reference of a document to `set`. kInvalidArgument for any other text.
absl::Status AddReferenceDocument(std::string_view document, ReferenceSet* set);

// What a document or a message registers: name, document and expiry of each value. kInvalidArgument
// when it is neither, or has expired at `now` (Unix seconds).
absl::StatusOr<std::vector<StoredReference>> ReadReferenceUpload(std::string_view document,
                                                                 int64_t now);

}  // namespace nacre::attestation
