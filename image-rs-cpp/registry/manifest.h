// Image indexes and manifests: the OCI image spec's and Docker's schema 2, which say the same with
// other media types. Pure functions over text that has already passed its digest check.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/registry/digest.h"

namespace nacre::image {

inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kDockerIndex =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";

enum class Compression { kNone, kGzip, kZstd };

struct LayerType {
  Compression compression = Compression::kNone;
  bool encrypted = false;
};

// The layer media types we can unpack; kUnimplemented names any other.
absl::StatusOr<LayerType> ParseLayerMediaType(std::string_view media_type);

struct Descriptor {
  std::string media_type;
  BlobDigest digest;
  uint64_t size = 0;
  std::map<std::string, std::string> annotations;
};

struct Platform {
  std::string os = "linux";
  std::string architecture = "amd64";
  std::string variant = {};  // "v8"; empty asks for none
};

struct IndexEntry {
  Descriptor descriptor;
  Platform platform;  // empty strings when the entry names none
};

struct Index {
  std::vector<IndexEntry> entries;
};

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  // bottom first; every media type is one we can unpack
};

enum class DocumentKind { kIndex, kManifest };

// Which of the two a registry answered with. The document's own mediaType decides and must not
// contradict `content_type` (the answer's header); a document that reads as both is refused
// (CVE-2021-41190), so that no two readers of one digest see two images.
absl::StatusOr<DocumentKind> ClassifyDocument(std::string_view text, std::string_view content_type,
                                              const Limits& limits);

// kInvalidArgument for a document that breaks its spec, kResourceExhausted past a limit,
// kUnimplemented for a media type we do not handle.
absl::StatusOr<Index> ParseIndex(std::string_view text, const Limits& limits);
absl::StatusOr<Manifest> ParseManifest(std::string_view text, const Limits& limits);

// The first entry that is an image manifest for this platform: of the wanted variant, or else one
// that names no variant (without a wish: the other way round). kNotFound lists what there is.
absl::StatusOr<Descriptor> SelectPlatform(const Index& index, const Platform& wanted);

// Entries that are indexes themselves, in order.
std::vector<Descriptor> NestedIndexes(const Index& index);

// "linux/arm64/v8"
std::string PlatformText(const Platform& platform);

}  // namespace nacre::image
