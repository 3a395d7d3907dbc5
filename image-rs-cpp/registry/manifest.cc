#include "image-rs-cpp/registry/manifest.h"

#include <set>

#include "absl/strings/ascii.h"
#include "base/strings.h"
#include "image-rs-cpp/json_object.h"
#include "image-rs-cpp/registry/descriptor_json.h"

namespace nacre::image {
namespace {

constexpr std::string_view kConfigTypes[] = {"application/vnd.oci.image.config.v1+json",
                                             "application/vnd.docker.container.image.v1+json"};

absl::StatusOr<Json> ParseDocument(std::string_view text, const Limits& limits,
                                   std::string_view what) {
  if (text.size() > limits.max_manifest_size) {
    return absl::ResourceExhaustedError(
        StrCat(what, ": is ", text.size(), " bytes, allowed are ", limits.max_manifest_size));
  }
  return ParseJsonObject(text, what, {.max_size = limits.max_manifest_size, .max_depth = 16});
}

// Many tools write null for an empty map.
absl::StatusOr<std::map<std::string, std::string>> ParseAnnotations(const Json& object,
                                                                    std::string_view where) {
  std::map<std::string, std::string> annotations;
  auto found = object.find("annotations");
  if (found == object.end() || found->is_null()) return annotations;
  if (!found->is_object()) {
    return absl::InvalidArgumentError(StrCat(where, ": 'annotations' is not an object"));
  }
  for (const auto& [key, value] : found->items()) {
    if (!value.is_string()) {
      return absl::InvalidArgumentError(StrCat(where, ": annotation '", key, "' is not a string"));
    }
    annotations.emplace(key, value.get<std::string>());
  }
  return annotations;
}

std::string OptionalString(const Json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string BareMediaType(std::string_view header) {
  header = header.substr(0, header.find(';'));
  std::string out(StripSpace(header));
  for (char& c : out) c = absl::ascii_tolower(c);
  return out;
}

bool IsIndexType(std::string_view type) { return type == kOciIndex || type == kDockerIndex; }
bool IsManifestType(std::string_view type) {
  return type == kOciManifest || type == kDockerManifest;
}

absl::Status CheckLayer(const Descriptor& layer, std::string_view where, const Limits& limits) {
  RETURN_IF_ERROR(ParseLayerMediaType(layer.media_type).status(), where);
  if (layer.size > limits.max_layer_size) {
    return absl::ResourceExhaustedError(
        StrCat(where, ": ", layer.size, " bytes, allowed are ", limits.max_layer_size));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Json> ParseVersion2(std::string_view text, const Limits& limits,
                                   std::string_view what) {
  ASSIGN_OR_RETURN(Json document, ParseDocument(text, limits, what));
  ASSIGN_OR_RETURN(uint64_t version, JsonUint(document, "schemaVersion", what));
  if (version != 2) {
    return absl::UnimplementedError(
        StrCat(what, ": schemaVersion is ", version, ", only 2 is supported"));
  }
  return document;
}

absl::StatusOr<Descriptor> ParseDescriptor(const Json& json, std::string_view where) {
  if (!json.is_object()) return absl::InvalidArgumentError(StrCat(where, ": not an object"));
  ASSIGN_OR_RETURN(std::string media_type, JsonString(json, "mediaType", where));
  ASSIGN_OR_RETURN(std::string digest_text, JsonString(json, "digest", where));
  ASSIGN_OR_RETURN(BlobDigest digest, BlobDigest::Parse(digest_text), where);
  ASSIGN_OR_RETURN(uint64_t size, JsonUint(json, "size", where));
  ASSIGN_OR_RETURN(auto annotations, ParseAnnotations(json, where));
  return Descriptor{std::move(media_type), std::move(digest), size, std::move(annotations)};
}

absl::StatusOr<LayerType> ParseLayerMediaType(std::string_view media_type) {
  LayerType type;
  std::string_view rest = media_type;
  if (constexpr std::string_view kEncrypted = "+encrypted"; rest.ends_with(kEncrypted)) {
    type.encrypted = true;
    rest.remove_suffix(kEncrypted.size());
  }
  struct Form {
    std::string_view name;
    Compression compression;
  };
  constexpr Form kForms[] = {
      {"application/vnd.oci.image.layer.v1.tar", Compression::kNone},
      {"application/vnd.oci.image.layer.v1.tar+gzip", Compression::kGzip},
      {"application/vnd.oci.image.layer.v1.tar+zstd", Compression::kZstd},
      {"application/vnd.oci.image.layer.nondistributable.v1.tar", Compression::kNone},
      {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", Compression::kGzip},
      {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", Compression::kZstd},
      {"application/vnd.docker.image.rootfs.diff.tar", Compression::kNone},
      {"application/vnd.docker.image.rootfs.diff.tar.gzip", Compression::kGzip},
      {"application/vnd.docker.image.rootfs.diff.tar.zstd", Compression::kZstd},
      {"application/vnd.docker.image.rootfs.foreign.diff.tar", Compression::kNone},
      {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Compression::kGzip},
  };
  for (const Form& form : kForms) {
    if (rest != form.name) continue;
    type.compression = form.compression;
    return type;
  }
  return absl::UnimplementedError(
      StrCat("layer media type '", media_type.substr(0, 200), "' is not supported"));
}

absl::StatusOr<DocumentKind> ClassifyDocument(std::string_view text, std::string_view content_type,
                                              const Limits& limits) {
  constexpr std::string_view kWhat = "manifest";
  ASSIGN_OR_RETURN(Json document, ParseDocument(text, limits, kWhat));
  const bool has_manifests = document.contains("manifests");
  const bool has_layers = document.contains("layers") || document.contains("config");
  if (has_manifests && has_layers) {
    return absl::InvalidArgumentError("manifest: reads as an index and as a manifest at once");
  }
  const std::string own_type = OptionalString(document, "mediaType");
  const std::string header = BareMediaType(content_type);
  const bool header_says = IsIndexType(header) || IsManifestType(header);
  if (!own_type.empty() && header_says && own_type != header) {
    return absl::InvalidArgumentError(StrCat("manifest: says it is '", own_type.substr(0, 100),
                                             "', the registry says '", header, "'"));
  }
  const std::string type = own_type.empty() && header_says ? header : own_type;
  if (IsIndexType(type) || (type.empty() && has_manifests)) {
    if (!has_manifests) return absl::InvalidArgumentError("index: 'manifests' is missing");
    return DocumentKind::kIndex;
  }
  if (IsManifestType(type) || (type.empty() && has_layers)) {
    if (!has_layers) return absl::InvalidArgumentError("manifest: 'layers' is missing");
    return DocumentKind::kManifest;
  }
  return absl::UnimplementedError(StrCat("manifest: media type '",
                                         (type.empty() ? header : type).substr(0, 100),
                                         "' is not supported"));
}

absl::StatusOr<Index> ParseIndex(std::string_view text, const Limits& limits) {
  ASSIGN_OR_RETURN(Json document, ParseVersion2(text, limits, "index"));
  ASSIGN_OR_RETURN(const Json* manifests, JsonArray(document, "manifests", "index"));
  if (manifests->size() > limits.max_index_entries) {
    return absl::ResourceExhaustedError(
        StrCat("index: ", manifests->size(), " entries, allowed are ", limits.max_index_entries));
  }
  Index index;
  for (const Json& item : *manifests) {
    const std::string where = StrCat("index entry ", index.entries.size());
    ASSIGN_OR_RETURN(Descriptor descriptor, ParseDescriptor(item, where));
    Platform platform{"", ""};
    if (auto found = item.find("platform"); found != item.end() && found->is_object()) {
      platform = {OptionalString(*found, "os"), OptionalString(*found, "architecture"),
                  OptionalString(*found, "variant")};
    }
    index.entries.push_back({std::move(descriptor), std::move(platform)});
  }
  return index;
}

absl::StatusOr<Manifest> ParseManifest(std::string_view text, const Limits& limits) {
  ASSIGN_OR_RETURN(Json document, ParseVersion2(text, limits, "manifest"));
  ASSIGN_OR_RETURN(const Json* config_json, JsonObject(document, "config", "manifest"));
  ASSIGN_OR_RETURN(Descriptor config, ParseDescriptor(*config_json, "manifest config"));
  if (config.media_type != kConfigTypes[0] && config.media_type != kConfigTypes[1]) {
    return absl::UnimplementedError(StrCat("manifest config: media type '",
                                           config.media_type.substr(0, 100),
                                           "' is not that of a container image"));
  }
  if (config.size > limits.max_config_size) {
    return absl::ResourceExhaustedError(
        StrCat("manifest config: ", config.size, " bytes, allowed are ", limits.max_config_size));
  }
  ASSIGN_OR_RETURN(const Json* layers_json, JsonArray(document, "layers", "manifest"));
  if (layers_json->size() > limits.max_layers) {
    return absl::ResourceExhaustedError(
        StrCat("manifest: ", layers_json->size(), " layers, allowed are ", limits.max_layers));
  }
  std::vector<Descriptor> layers;
  uint64_t total = 0;
  for (const Json& item : *layers_json) {
    const std::string where = StrCat("manifest layer ", layers.size());
    ASSIGN_OR_RETURN(Descriptor layer, ParseDescriptor(item, where));
    RETURN_IF_ERROR(CheckLayer(layer, where, limits));
    total += layer.size;
    if (total > limits.max_image_size) {
      return absl::ResourceExhaustedError(StrCat("manifest: its first ", layers.size() + 1,
                                                 " layers have ", total, " bytes, allowed are ",
                                                 limits.max_image_size));
    }
    layers.push_back(std::move(layer));
  }
  return Manifest{std::move(config), std::move(layers)};
}

std::string PlatformText(const Platform& platform) {
  return StrCat(platform.os.substr(0, 32), "/", platform.architecture.substr(0, 32),
                platform.variant.empty() ? "" : "/", platform.variant.substr(0, 32));
}

absl::StatusOr<Descriptor> SelectPlatform(const Index& index, const Platform& wanted) {
  std::set<std::string> offered;
  const IndexEntry* second_best = nullptr;
  for (const IndexEntry& entry : index.entries) {
    if (!IsManifestType(entry.descriptor.media_type)) continue;
    offered.insert(PlatformText(entry.platform));
    const Platform& is = entry.platform;
    if (is.os != wanted.os || is.architecture != wanted.architecture) continue;
    if (is.variant == wanted.variant) return entry.descriptor;
    const bool acceptable = is.variant.empty() || wanted.variant.empty();
    if (acceptable && second_best == nullptr) second_best = &entry;
  }
  if (second_best != nullptr) return second_best->descriptor;
  return absl::NotFoundError(StrCat("index: no image for ", PlatformText(wanted), "; it offers ",
                                    offered.empty() ? "none" : StrJoin(offered, ", ")));
}

std::vector<Descriptor> NestedIndexes(const Index& index) {
  std::vector<Descriptor> out;
  for (const IndexEntry& entry : index.entries) {
    if (IsIndexType(entry.descriptor.media_type)) out.push_back(entry.descriptor);
  }
  return out;
}

}  // namespace nacre::image
