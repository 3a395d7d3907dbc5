#include "image-rs-cpp/registry/artifact.h"

#include "base/strings.h"
#include "image-rs-cpp/registry/descriptor_json.h"

namespace nacre::image {
namespace {

absl::StatusOr<std::string> OptionalType(const Json& object, std::string_view where) {
  if (!object.contains("artifactType")) return std::string();
  return JsonString(object, "artifactType", where);
}

absl::Status CheckCount(size_t count, size_t allowed, std::string_view what) {
  if (count <= allowed) return absl::OkStatus();
  return absl::ResourceExhaustedError(StrCat(what, ": ", count, ", allowed are ", allowed));
}

}  // namespace

absl::StatusOr<Artifact> ParseArtifact(std::string_view text, const Limits& limits) {
  constexpr std::string_view kWhat = "artifact";
  ASSIGN_OR_RETURN(const Json document, ParseVersion2(text, limits, kWhat));
  Artifact out;
  ASSIGN_OR_RETURN(out.type, OptionalType(document, kWhat));
  if (out.type.empty()) {
    ASSIGN_OR_RETURN(const Json* config, JsonObject(document, "config", kWhat));
    ASSIGN_OR_RETURN(out.type, JsonString(*config, "mediaType", "artifact config"));
  }
  ASSIGN_OR_RETURN(const Json* layers, JsonArray(document, "layers", kWhat));
  RETURN_IF_ERROR(CheckCount(layers->size(), kMaxArtifactLayers, "layers of an artifact"));
  for (const Json& layer : *layers) {
    ASSIGN_OR_RETURN(Descriptor descriptor,
                     ParseDescriptor(layer, StrCat("artifact layer ", out.layers.size())));
    out.layers.push_back(std::move(descriptor));
  }
  return out;
}

absl::StatusOr<std::vector<Referrer>> ParseReferrers(std::string_view text, const Limits& limits) {
  constexpr std::string_view kWhat = "referrers";
  ASSIGN_OR_RETURN(const Json document, ParseVersion2(text, limits, kWhat));
  ASSIGN_OR_RETURN(const Json* manifests, JsonArray(document, "manifests", kWhat));
  RETURN_IF_ERROR(CheckCount(manifests->size(), kMaxReferrers, kWhat));
  std::vector<Referrer> out;
  for (const Json& item : *manifests) {
    const std::string where = StrCat("referrer ", out.size());
    ASSIGN_OR_RETURN(Descriptor descriptor, ParseDescriptor(item, where));
    ASSIGN_OR_RETURN(std::string type, OptionalType(item, where));
    out.push_back({std::move(descriptor), std::move(type)});
  }
  return out;
}

}  // namespace nacre::image
