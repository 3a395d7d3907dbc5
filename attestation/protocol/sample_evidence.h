// Evidence of no hardware, which peers' guests send where there is none: {"svn": "1",
// "report_data": base64}. Anybody can write it. A broker takes it only where its owner says so, and
// then for an emulator's.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/json.h"
#include "base/status.h"

namespace nacre::attestation {

struct SampleEvidence {
  std::string svn;    // at most 64 characters
  Bytes report_data;  // the binding as it is, 1 to 64 bytes
};

// kInvalidArgument naming the member that is missing or wrong; others are passed over.
absl::StatusOr<SampleEvidence> SampleEvidenceFromJson(const Json& json);
absl::StatusOr<Json> SampleEvidenceToJson(const SampleEvidence& evidence);

}  // namespace nacre::attestation
