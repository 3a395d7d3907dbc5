// How certificates and CRLs are signed (RFC 5280 section 4.1.1.2). For the sources of this room.
#pragma once

#include <optional>

#include "crypto/der.h"
#include "crypto/key.h"

namespace nacre::crypto {

enum class SignatureKind { kEcdsa, kRsaPkcs1, kRsaPss };
struct SignatureAlgorithm {
  SignatureKind kind;
  HashAlgorithm hash;
};

// From the contents of an AlgorithmIdentifier. Nothing for an algorithm that is well-formed but not
// accepted here: all but ECDSA, RSASSA-PKCS1-v1_5 and RSASSA-PSS with SHA-256, SHA-384 or SHA-512,
// and for PSS any other MGF1 digest or salt length than that of the digest. kInvalidArgument for
// what is no AlgorithmIdentifier.
absl::StatusOr<std::optional<SignatureAlgorithm>> ParseSignatureAlgorithm(ByteView contents);

// What certificates and CRLs have around them (RFC 5280 sections 4.1 and 5.1): the signed part, the
// algorithm and the signature. Views `der`, which must be this and nothing else.
struct SignedStructure {
  der::Element signed_part;
  ByteView outer_algorithm;  // with tag and length, to compare with the one in the signed part
  std::optional<SignatureAlgorithm> algorithm;
  ByteView signature;
};
absl::StatusOr<SignedStructure> ParseSignedStructure(ByteView der, std::string_view what);

// That `signature` over `message` is `key`'s. kUnauthenticated otherwise, also for an algorithm
// that is not accepted or does not fit the key.
absl::Status VerifySignature(const PublicKey& key,
                             const std::optional<SignatureAlgorithm>& algorithm, ByteView message,
                             ByteView signature);

}  // namespace nacre::crypto
