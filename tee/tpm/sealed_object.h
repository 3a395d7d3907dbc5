// A small secret that only one TPM gives back: a sealed data object (TPM 2.0 Library, part 1,
// section 22) under the storage root key of the owner hierarchy. In library nacre_tpm_device.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/secret_bytes.h"
#include "base/status.h"

namespace nacre::tee::tpm {

inline constexpr size_t kMaxSealedSecret = 128;  // bytes; every TPM takes as much

// What is kept outside of the TPM; useless to any other.
struct SealedObject {
  Bytes public_area;           // TPM2B_PUBLIC
  Bytes private_area;          // TPM2B_PRIVATE
  std::vector<uint32_t> pcrs;  // of the SHA-256 bank, that must be what they were; empty: any
};

// `device` as TpmDevice::Open takes it. kInvalidArgument for a secret that is empty or too large,
// or a PCR above 23; kUnavailable when the TPM does not answer.
absl::StatusOr<SealedObject> SealToTpm(const std::string& device, ByteView secret,
                                       const std::vector<uint32_t>& pcrs);

// kFailedPrecondition when a PCR has changed; kUnauthenticated when the object is another TPM's, or
// the TPM was cleared since. The secret crosses the TPM's bus encrypted.
absl::StatusOr<SecretBytes> UnsealFromTpm(const std::string& device, const SealedObject& object);

}  // namespace nacre::tee::tpm
