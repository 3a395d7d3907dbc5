// How a layer's private options are wrapped for Confidential Containers: the annotation packet of
// the key provider "attestation-agent". Version 1 is {kid, wrapped_data, iv, wrap_type}; version 2
// ("0.1.0") adds version, provider, provider_settings and annotations. Both are read, 2 is written.
//
// Only wrap_type A256GCM is accepted. The format also knows A256CTR, which is not authenticated:
// who knows one plain key could make packets of his own for every image under the same key.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "base/status.h"

namespace nacre::image {

struct AnnotationPacket {
  std::string key_id;  // "kbs:///default/image-key/1"
  Bytes wrapped_data;  // ciphertext and 16-byte tag
  Bytes iv;            // 12 bytes
};

// kInvalidArgument for anything malformed, kUnimplemented for another version, provider or wrap
// type.
absl::StatusOr<AnnotationPacket> ParseAnnotationPacket(std::string_view json);
absl::StatusOr<std::string> FormatAnnotationPacket(const AnnotationPacket& packet);

// "kbs://[host]/repository/type/tag", also "kbs+plugin:"; anything else is kInvalidArgument.
absl::Status CheckKeyUri(std::string_view uri);

// Wraps `options` with a 32-byte key-encryption key under a fresh iv.
absl::StatusOr<AnnotationPacket> WrapOptions(std::string_view key_id, ByteView kek,
                                             ByteView options);
// kUnauthenticated when the key is not the one that wrapped it.
absl::StatusOr<SecretBytes> UnwrapOptions(const AnnotationPacket& packet, ByteView kek);

}  // namespace nacre::image
