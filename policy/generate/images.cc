#include "policy/generate/images.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "image-rs-cpp/encrypt/oci_layout.h"
#include "policy/generate/image_accounts.h"

namespace nacre::policy {
namespace {

using image::Descriptor;
using image::ImageReference;

constexpr size_t kMostCached = 8 << 20;

std::string CacheName(const ImageReference& reference) {
  std::string name = reference.ToString();
  for (char& c : name) {
    if (c == '/' || c == ':' || c == '@') c = '_';
  }
  return name + ".json";
}

// Where manifests and blobs come from.
class Store {
 public:
  virtual ~Store() = default;
  virtual absl::StatusOr<std::string> Document(const Descriptor& what) = 0;
  virtual absl::Status Blob(const Descriptor& what, const AccountReader::OnBytes& on_bytes) = 0;
};

class LayoutStore : public Store {
 public:
  LayoutStore(const image::OciLayout& layout, const image::Limits& limits)
      : layout_(layout), limits_(limits) {}
  absl::StatusOr<std::string> Document(const Descriptor& what) override {
    return layout_.ReadBlob(what, limits_.max_manifest_size);
  }
  absl::Status Blob(const Descriptor& what, const AccountReader::OnBytes& on_bytes) override {
    return layout_.StreamBlob(what, on_bytes);
  }

 private:
  const image::OciLayout& layout_;
  const image::Limits& limits_;
};

class RegistryStore : public Store {
 public:
  RegistryStore(image::RegistryClient& client, const ImageReference& image)
      : client_(client), image_(image) {}
  absl::StatusOr<std::string> Document(const Descriptor& what) override {
    if (what.media_type == image::kOciManifest || what.media_type == image::kDockerManifest) {
      ASSIGN_OR_RETURN(image::RegistryDocument document,
                       client_.GetManifest(image_, what.digest.text()));
      return std::move(document.text);
    }
    return client_.GetBlobText(image_, what);
  }
  absl::Status Blob(const Descriptor& what, const AccountReader::OnBytes& on_bytes) override {
    image::DigestChecker checker(what.digest);
    RETURN_IF_ERROR(client_.GetBlob(image_, what, [&](ByteView piece) {
      checker.Update(piece);
      return on_bytes(piece);
    }));
    return checker.Finish(StrCat("layer ", what.digest.text()));
  }

 private:
  image::RegistryClient& client_;
  const ImageReference& image_;
};

bool AnyEncrypted(const image::Manifest& manifest) {
  return std::any_of(manifest.layers.begin(), manifest.layers.end(), [](const Descriptor& layer) {
    const auto type = image::ParseLayerMediaType(layer.media_type);
    return type.ok() && type->encrypted;
  });
}

// From the document a reference leads to, down.
absl::Status ReadImage(std::string text, const std::string& content_type,
                       const image::Platform& platform, Store& store, ImageFacts* out) {
  const image::Limits limits;
  ASSIGN_OR_RETURN(const image::DocumentKind kind,
                   image::ClassifyDocument(text, content_type, limits));
  if (kind == image::DocumentKind::kIndex) {
    ASSIGN_OR_RETURN(const image::Index index, image::ParseIndex(text, limits));
    ASSIGN_OR_RETURN(const Descriptor chosen, image::SelectPlatform(index, platform));
    ASSIGN_OR_RETURN(text, store.Document(chosen));
  }
  ASSIGN_OR_RETURN(const image::Manifest manifest, image::ParseManifest(text, limits));
  ASSIGN_OR_RETURN(const std::string config, store.Document(manifest.config));
  ASSIGN_OR_RETURN(out->config, image::ParseImageConfig(config, limits));
  if (AnyEncrypted(manifest)) return absl::OkStatus();
  AccountReader accounts(limits);
  for (const Descriptor& layer : manifest.layers) {
    RETURN_IF_ERROR(accounts.ReadLayer(
        layer, [&](const AccountReader::OnBytes& sink) { return store.Blob(layer, sink); }));
  }
  out->accounts = accounts.files();
  return absl::OkStatus();
}

Json ConfigJson(const image::ImageConfig& config) {
  Json volumes = Json::object();
  for (const std::string& path : config.volumes) volumes[path] = Json::object();
  Json diff_ids = Json::array();
  for (const auto& id : config.diff_ids) diff_ids.push_back(id.text());
  return {{"os", config.os},
          {"architecture", config.architecture},
          {"config",
           {{"Env", config.env},
            {"Entrypoint", config.entrypoint},
            {"Cmd", config.cmd},
            {"User", config.user},
            {"WorkingDir", config.working_dir},
            {"StopSignal", config.stop_signal},
            {"Volumes", volumes}}},
          {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}};
}

}  // namespace

absl::StatusOr<std::optional<ImageFacts>> ImageSource::FromCache(
    const ImageReference& reference) const {
  const std::string path = StrCat(options_.cache, "/", CacheName(reference));
  if (options_.cache.empty() || !PathExists(path)) return std::nullopt;
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, kMostCached));
  ASSIGN_OR_RETURN(const Json json, ParseJson(text, {.max_size = kMostCached}), path);
  if (!json.is_object()) return absl::InvalidArgumentError(StrCat(path, ": is no object"));
  RETURN_IF_ERROR(
      JsonOnlyMembers(json, {"reference", "digest", "config", "passwd", "group"}, path));
  ImageFacts facts;
  facts.reference = reference;
  ASSIGN_OR_RETURN(const std::string name, JsonString(json, "reference", path));
  if (name != reference.ToString()) {
    return absl::InvalidArgumentError(StrCat(path, ": is about ", name));
  }
  ASSIGN_OR_RETURN(facts.digest, JsonString(json, "digest", path));
  RETURN_IF_ERROR(image::BlobDigest::Parse(facts.digest).status(), path);
  ASSIGN_OR_RETURN(const Json* config, JsonObject(json, "config", path));
  ASSIGN_OR_RETURN(const std::string config_text, DumpJson(*config));
  ASSIGN_OR_RETURN(facts.config, image::ParseImageConfig(config_text, {}), path);
  if (json.contains("passwd") || json.contains("group")) {
    facts.accounts.emplace();
    ASSIGN_OR_RETURN(facts.accounts->passwd, JsonString(json, "passwd", path));
    ASSIGN_OR_RETURN(facts.accounts->group, JsonString(json, "group", path));
  }
  return facts;
}

absl::Status ImageSource::Keep(const ImageFacts& facts) const {
  if (options_.cache.empty()) return absl::OkStatus();
  Json json = {{"reference", facts.reference.ToString()},
               {"digest", facts.digest},
               {"config", ConfigJson(facts.config)}};
  if (facts.accounts.has_value()) {
    json["passwd"] = facts.accounts->passwd;
    json["group"] = facts.accounts->group;
  }
  ASSIGN_OR_RETURN(const std::string text, DumpJson(json, 1));
  RETURN_IF_ERROR(MakeDirectories(options_.cache));
  return WriteFileAtomic(StrCat(options_.cache, "/", CacheName(facts.reference)),
                         AsBytes(text + "\n"));
}

absl::StatusOr<ImageFacts> ImageSource::FromLayout(const ImageReference& reference,
                                                   const std::string& place) const {
  const image::Limits limits;
  const size_t colon = place.rfind(':');
  const bool tagged = colon != place.npos && place.find('/', colon) == place.npos;
  const std::string folder = tagged ? place.substr(0, colon) : place;
  const std::string tag = tagged ? place.substr(colon + 1) : reference.tag;
  ASSIGN_OR_RETURN(const image::OciLayout layout, image::OciLayout::Open(folder, limits));
  ASSIGN_OR_RETURN(const Descriptor found, layout.FindTag(tag));
  ImageFacts facts;
  facts.reference = reference;
  facts.digest = found.digest.text();
  LayoutStore store(layout, limits);
  ASSIGN_OR_RETURN(std::string text, store.Document(found));
  RETURN_IF_ERROR(ReadImage(std::move(text), found.media_type, options_.platform, store, &facts));
  return facts;
}

absl::StatusOr<ImageFacts> ImageSource::FromRegistry(const ImageReference& reference) {
  if (!registry_) {
    ASSIGN_OR_RETURN(registry_, image::RegistryClient::Create(options_.registry, {}));
  }
  ImageReference asked = reference;
  auto mirror = options_.mirrors.find(reference.registry);
  if (mirror != options_.mirrors.end()) asked.registry = mirror->second;
  ASSIGN_OR_RETURN(image::RegistryDocument document, registry_->GetManifest(asked, asked.Target()));
  ImageFacts facts;
  facts.reference = reference;
  facts.digest = document.digest.text();
  RegistryStore store(*registry_, asked);
  RETURN_IF_ERROR(
      ReadImage(std::move(document.text), document.content_type, options_.platform, store, &facts));
  RETURN_IF_ERROR(Keep(facts));
  return facts;
}

absl::StatusOr<ImageFacts> ImageSource::Find(const std::string& name) {
  ASSIGN_OR_RETURN(const ImageReference reference, image::ParseImageReference(name));
  const std::string what = StrCat("image ", reference.ToString());
  ASSIGN_OR_RETURN(std::optional<ImageFacts> facts, FromCache(reference), what);
  if (!facts.has_value()) {
    auto layout = options_.layouts.find(name);
    if (layout == options_.layouts.end()) layout = options_.layouts.find(reference.ToString());
    if (layout != options_.layouts.end()) {
      ASSIGN_OR_RETURN(facts, FromLayout(reference, layout->second), what);
    } else if (options_.offline) {
      return absl::NotFoundError(
          StrCat(what, ": no file ", CacheName(reference),
                 " in the image cache, no layout is given for it, and --offline asks nobody"));
    } else {
      ASSIGN_OR_RETURN(facts, FromRegistry(reference), what);
    }
  }
  if (!reference.digest.empty() && reference.digest != facts->digest) {
    return absl::DataLossError(StrCat(what, ": has digest ", facts->digest));
  }
  return *std::move(facts);
}

}  // namespace nacre::policy
