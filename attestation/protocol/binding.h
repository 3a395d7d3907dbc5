// How evidence is tied to one handshake: the report data holds a digest of the broker's nonce, the
// guest's public key and the other devices' evidence. A quote made for another nonce or another key
// does not verify.
#pragma once

#include <string_view>

#include "base/json.h"
#include "base/status.h"
#include "tee/common/report_data.h"

namespace nacre::attestation {

// SHA-384 (48 bytes) of the RFC 8785 form of {"additional-evidence", "nonce", "tee-pubkey"}: what
// the primary evidence is bound to. kInvalidArgument when the key holds something that has no
// canonical form.
absl::StatusOr<Bytes> PrimaryBinding(std::string_view nonce, const Json& tee_pubkey,
                                     std::string_view additional_evidence);
// The same of {"nonce", "tee-pubkey"}: what each part of the additional evidence is bound to. It
// cannot cover itself.
absl::StatusOr<Bytes> DeviceBinding(std::string_view nonce, const Json& tee_pubkey);

// PrimaryBinding(), zero-padded on the right to the 64 bytes of an SNP report or a TDX quote.
absl::StatusOr<tee::ReportData> BindReportData(std::string_view nonce, const Json& tee_pubkey,
                                               std::string_view additional_evidence);

// What a TPM's quote must carry as its nonce, by the length it has chosen: 48 bytes are the whole
// binding, 64 the binding with zeros behind it, and any other the first 32, which is all that peers
// send. Each says at least 256 bits of it.
Bytes TpmNonceFor(ByteView binding, size_t quoted_size);

}  // namespace nacre::attestation
