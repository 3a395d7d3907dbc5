// Credential protection (TPM 2.0 Library, part 1, section 24): a secret that only the TPM with one
// endorsement key can open, and only if it also holds one named key. Made in software, opened with
// TPM2_ActivateCredential.
#pragma once

#include "base/bytes.h"
#include "crypto/key.h"

namespace nacre::tee::tpm {

// The contents of TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET, without their sizes.
struct Credential {
  Bytes id_object;
  Bytes encrypted_secret;
};

inline constexpr size_t kMaxCredentialSize = 32;

// For an endorsement key of the default templates (TCG EK Credential Profile, section B.3): RSA of
// 2048 bits and P-256 with SHA-256 and AES-128, RSA of 3072 or 4096 bits and P-384 with SHA-384 and
// AES-256, P-521 with SHA-512 and AES-256. `name` is the named key's (PublicArea::name);
// kInvalidArgument for a secret of more than kMaxCredentialSize bytes or another key.
absl::StatusOr<Credential> MakeCredential(const crypto::PublicKey& endorsement_key, ByteView name,
                                          ByteView secret);

// Key derivation of part 1, section 11.4.10: `bits` is a multiple of 8. For tests' vectors.
Bytes KdfA(crypto::HashAlgorithm hash, ByteView key, std::string_view label, ByteView context_u,
           ByteView context_v, uint32_t bits);

}  // namespace nacre::tee::tpm
