// What a container signature is over: a small JSON document that names a manifest's digest and the
// image's name (containers-signature(5), "simple signing"). cosign signs the same document.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"

namespace nacre::image {

inline constexpr size_t kMaxSimpleSigning = 64 << 10;
inline constexpr std::string_view kCosignType = "cosign container image signature";
inline constexpr std::string_view kAtomicType = "atomic container signature";

struct SimpleSigning {
  std::string type;
  std::string manifest_digest;   // "sha256:..."; a well-formed digest
  std::string docker_reference;  // as the signer wrote it
};

// {"critical": {"type", "image": {"docker-manifest-digest"}, "identity": {"docker-reference"}},
//  "optional": {...} or null or absent} and nothing else: kInvalidArgument for a member more or
// less, a key twice, another type than `type`, more than kMaxSimpleSigning bytes.
absl::StatusOr<SimpleSigning> ParseSimpleSigning(ByteView text, std::string_view type);

// The document as cosign writes it.
absl::StatusOr<std::string> FormatSimpleSigning(const SimpleSigning& payload);

}  // namespace nacre::image
