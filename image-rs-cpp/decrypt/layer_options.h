// What ocicrypt writes beside an encrypted layer. Public, in the annotation
// org.opencontainers.image.enc.pubopts: {"cipher", "hmac", "cipheroptions"}. Private, wrapped for
// each recipient in org.opencontainers.image.enc.keys.<scheme>: {"symkey", "digest",
// "cipheroptions": {"nonce"}}. Byte strings are base64.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/secret_bytes.h"
#include "base/status.h"
#include "image-rs-cpp/decrypt/layer_cipher.h"

namespace nacre::image {

inline constexpr std::string_view kPublicOptionsAnnotation = "org.opencontainers.image.enc.pubopts";
inline constexpr std::string_view kKeysAnnotationPrefix = "org.opencontainers.image.enc.keys.";
inline constexpr std::string_view kProviderAnnotation =
    "org.opencontainers.image.enc.keys.provider.attestation-agent";
inline constexpr std::string_view kJweAnnotation = "org.opencontainers.image.enc.keys.jwe";
inline constexpr std::string_view kPkcs7Annotation = "org.opencontainers.image.enc.keys.pkcs7";

using Annotations = std::map<std::string, std::string>;

// The HMAC out of the public options. kInvalidArgument when the annotation or the HMAC is missing:
// a layer that cannot be authenticated is not opened. Also when the public options give a nonce,
// which some readers would use instead of the private one. kUnimplemented for another cipher.
absl::StatusOr<Bytes> ParsePublicOptions(const Annotations& annotations);

// Private options and the public HMAC together are the layer's key.
absl::StatusOr<LayerKey> ParsePrivateOptions(const SecretBytes& json, Bytes hmac);

absl::StatusOr<std::string> FormatPublicOptions(ByteView hmac);
absl::StatusOr<SecretBytes> FormatPrivateOptions(const LayerKey& key);

}  // namespace nacre::image
