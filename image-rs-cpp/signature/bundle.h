// Sigstore bundles (protobuf-specs sigstore_bundle.proto in its JSON form), versions 0.1 to 0.3:
// the artifacts cosign attaches to an image through the registry's referrers.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/signature/sigstore_signature.h"

namespace nacre::image {

inline constexpr size_t kMaxBundle = 512 << 10;
inline constexpr std::string_view kStatementPayload = "application/vnd.in-toto+json";

// "application/vnd.dev.sigstore.bundle.v0.3+json" and its elders.
bool IsBundleMediaType(std::string_view media_type);

// kInvalidArgument for a bundle that breaks its schema or is larger than kMaxBundle,
// kUnimplemented for one without a DSSE envelope of an in-toto statement (a bare signature over the
// artifact says nothing about what it was made for).
absl::StatusOr<SigstoreSignature> ParseBundle(std::string_view text);

// DSSE's pre-authentication encoding: what an envelope's signature is over.
Bytes DssePreAuthEncoding(std::string_view payload_type, ByteView payload);

// What the statement of a signed image says (in-toto 0.1 or 1): the digests of its subjects as
// "sha256:<hex>", each with the name it gives (mostly ""). Only statements that say "this image is
// signed" count: predicate type https://sigstore.dev/cosign/sign/v1. Attestations about an image
// (provenance, scans) by the same key are kPermissionDenied.
struct SignedSubject {
  std::string digest;
  std::string name;
};
absl::StatusOr<std::vector<SignedSubject>> ReadSignStatement(ByteView statement);

}  // namespace nacre::image
