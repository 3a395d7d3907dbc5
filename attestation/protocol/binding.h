// How evidence is tied to one handshake: the report data holds a digest of the broker's nonce, the
// guest's public key and the other devices' evidence. A quote made for another nonce or another key
// does not verify.
#pragma once

#include <string_view>

#include "base/json.h"
#include "base/status.h"
#include "tee/common/report_data.h"

namespace nacre::attestation {

// SHA-384 of the RFC 8785 form of {"additional-evidence", "nonce", "tee-pubkey"}, zero-padded on
// the right to the 64 bytes of the report. For SNP and TDX. kInvalidArgument when the key holds
// something that has no canonical form.
absl::StatusOr<tee::ReportData> BindReportData(std::string_view nonce, const Json& tee_pubkey,
                                               std::string_view additional_evidence);

}  // namespace nacre::attestation
