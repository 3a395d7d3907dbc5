// Signing an image as cosign does: with the owner's key, for the tag scheme (see cosign.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "crypto/key.h"

namespace nacre::image {

// What goes into the image's repository.
struct SignatureArtifact {
  std::string tag;                 // "sha256-<hex>.sig"
  std::string manifest;            // JSON, an OCI image manifest
  std::vector<std::string> blobs;  // the configuration and the payload, named in the manifest
};

// The tag signatures of this manifest are under.
std::string SignatureTag(const std::string& manifest_digest);

// `manifest_digest` "sha256:<hex>", `docker_reference` the name the signature shall be good for
// ("registry/repository", with a tag to be exact). Signatures of the manifest that is under the tag
// now, if any, are kept and the new one is added. kInvalidArgument when one of them is malformed.
absl::StatusOr<SignatureArtifact> SignImage(const std::string& manifest_digest,
                                            const std::string& docker_reference,
                                            const crypto::PrivateKey& key,
                                            std::string_view present_manifest = {});

// SHA-256, ECDSA in DER or RSASSA-PKCS1-v1_5: how cosign signs with either kind of key.
absl::StatusOr<Bytes> SignPayload(const crypto::PrivateKey& key, ByteView payload);

}  // namespace nacre::image
