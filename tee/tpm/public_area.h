// The public half of a key in a TPM: TPMT_PUBLIC (TPM 2.0 Library, part 2, section 12.2.4), its
// attributes and its name.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "crypto/key.h"
#include "tee/eventlog/bank.h"

namespace nacre::tee::tpm {

// TPMA_OBJECT (section 8.3).
inline constexpr uint32_t kFixedTpm = 1u << 1;
inline constexpr uint32_t kFixedParent = 1u << 4;
inline constexpr uint32_t kSensitiveDataOrigin = 1u << 5;
inline constexpr uint32_t kRestricted = 1u << 16;
inline constexpr uint32_t kDecrypt = 1u << 17;
inline constexpr uint32_t kSignEncrypt = 1u << 18;

// An RSA key, or one on a NIST curve.
struct PublicArea {
  eventlog::Bank name_algorithm;
  uint32_t attributes;
  crypto::PublicKey key;
  Bytes name;  // nameAlg || H(TPMT_PUBLIC): what its TPM knows it by (part 1, section 16)
};

// `bytes` is a TPMT_PUBLIC, without the size of a TPM2B_PUBLIC; every byte is taken.
// kInvalidArgument, class FORMAT, or UNSUPPORTED for another type of key or algorithm.
absl::StatusOr<PublicArea> ParsePublicArea(ByteView bytes);

// That a key with these attributes can sign only what its TPM itself made: a restricted signing
// key, made in a TPM and fixed to it. Any other may sign a TPMS_ATTEST that its owner made up.
// kUnauthenticated (class KEY_TYPE) otherwise.
absl::Status CheckAttestationKey(const PublicArea& area);

}  // namespace nacre::tee::tpm
