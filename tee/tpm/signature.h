// Signatures as TPMs give them: TPMT_SIGNATURE (TPM 2.0 Library, part 2, section 11.3.4).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "crypto/key.h"
#include "tee/eventlog/bank.h"

namespace nacre::tee::tpm {

enum class SignatureKind : uint16_t { kRsaSsa = 0x0014, kRsaPss = 0x0016, kEcdsa = 0x0018 };
std::string_view SignatureKindName(SignatureKind kind);  // "RSASSA", "RSAPSS", "ECDSA"

struct Signature {
  SignatureKind kind = SignatureKind::kRsaSsa;
  eventlog::Bank hash = eventlog::Bank::kSha256;
  Bytes rsa;  // RSASSA (PKCS #1 v1.5) and RSAPSS
  Bytes r;    // ECDSA: big-endian; leading zeros may be missing
  Bytes s;
};

// kInvalidArgument, class FORMAT, or UNSUPPORTED for another scheme or hash. Takes every byte.
absl::StatusOr<Signature> ParseSignature(ByteView bytes);
Bytes SerializeSignature(const Signature& signature);
// An RSASSA signature with SHA-256 that comes without its TPMT_SIGNATURE, as in Azure's evidence.
Signature RawRsaSsa(ByteView bytes);

// That `key` made `signature` over `message`. kUnauthenticated (class SIGNATURE) otherwise, also
// when key and scheme do not fit, and for SHA-1 unless `allow_sha1` (RSASSA only).
absl::Status VerifySignature(const crypto::PublicKey& key, const Signature& signature,
                             ByteView message, bool allow_sha1);

}  // namespace nacre::tee::tpm
