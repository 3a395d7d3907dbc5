// TPM evidence as one JSON document: what a guest sends and what `nacre verify` reads.
//
//   {"version": 1, "attest": base64, "signature": base64 (TPMT_SIGNATURE),
//    "pcrs": {"sha256": {"0": hex, ...}}, "event_log": base64, "ek_certificate": base64 (DER),
//    "ak_public": base64 (TPMT_PUBLIC)}
//
// "event_log", "ek_certificate" and "ak_public" may be left out. The last two only help a verifier
// to find what it already trusts: they are never a reason for trust.
#pragma once

#include <string>
#include <string_view>

#include "tee/tpm/verify.h"

namespace nacre::tee::tpm {

struct TpmDocument {
  TpmEvidence evidence;
  Bytes ek_certificate;
  Bytes ak_public;
};

inline constexpr size_t kMaxTpmDocument = 32 << 20;

std::string FormatTpmDocument(const TpmDocument& document);
// kInvalidArgument (class FORMAT), also for members that are not known.
absl::StatusOr<TpmDocument> ParseTpmDocument(std::string_view json);

}  // namespace nacre::tee::tpm
