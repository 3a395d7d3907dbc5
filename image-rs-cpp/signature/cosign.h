// cosign's tag scheme: signatures of sha256:<hex> are the layers of the artifact tagged
// "sha256-<hex>.sig" in the image's own repository. The layer's blob is the payload; the signature,
// certificates and log entry are its annotations.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/signature/sigstore_signature.h"

namespace nacre::image {

inline constexpr std::string_view kSimpleSigningMediaType =
    "application/vnd.dev.cosign.simplesigning.v1+json";
inline constexpr std::string_view kCosignArtifactType =
    "application/vnd.dev.cosign.artifact.sig.v1+json";
inline constexpr std::string_view kCosignSignature = "dev.cosignproject.cosign/signature";

// "sha256:abc" -> "sha256-abc.sig"
std::string CosignTag(std::string_view digest);

// kInvalidArgument when an annotation is missing or malformed.
absl::StatusOr<SigstoreSignature> ReadCosignLayer(
    const std::map<std::string, std::string>& annotations, Bytes payload);

}  // namespace nacre::image
