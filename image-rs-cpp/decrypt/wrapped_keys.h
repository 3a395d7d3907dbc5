// The copies of a layer's key, each wrapped for somebody else, as they stand in the annotations
// org.opencontainers.image.enc.keys.<scheme>: lists with commas, every element base64. Any copy
// that opens is enough, so one that makes no sense does not spoil the others.
#pragma once

#include <string>
#include <vector>

#include "image-rs-cpp/decrypt/annotation_packet.h"
#include "image-rs-cpp/decrypt/layer_options.h"

namespace nacre::image {

inline constexpr size_t kMaxWrappedKeys = 64;        // of one layer
inline constexpr size_t kMaxWrappedKey = 256 << 10;  // one element, decoded, in bytes

struct WrappedKeys {
  std::vector<AnnotationPacket> packets;  // scheme provider.attestation-agent
  std::vector<std::string> jwes;          // scheme jwe: JSON
  std::vector<Bytes> pkcs7;               // scheme pkcs7: DER
  std::vector<absl::Status> unreadable;   // why the rest is of no use; each begins with its scheme
};

// kResourceExhausted past kMaxWrappedKeys.
absl::StatusOr<WrappedKeys> ReadWrappedKeys(const Annotations& annotations);

}  // namespace nacre::image
