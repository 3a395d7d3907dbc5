#include "image-rs-cpp/registry/image_config.h"

#include "base/json.h"
#include "base/strings.h"
#include "image-rs-cpp/json_object.h"

namespace nacre::image {
namespace {

constexpr std::string_view kWhat = "image config";

// Collects the members of one object; absent and null mean the same, as tools write both.
class Members {
 public:
  explicit Members(const Json& object) : object_(object) {}

  const Json* Find(const char* key) const {
    auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  absl::Status String(const char* key, std::string* out) const {
    const Json* value = Find(key);
    return value == nullptr ? absl::OkStatus() : CheckedString(*value, key, out);
  }

  absl::Status Strings(const char* key, std::vector<std::string>* out) const {
    const Json* value = Find(key);
    if (value == nullptr) return absl::OkStatus();
    if (!value->is_array()) return Wrong(key, "is not an array");
    for (const Json& item : *value) {
      RETURN_IF_ERROR(CheckedString(item, key, &out->emplace_back()));
    }
    return absl::OkStatus();
  }

  // {"/data": {}} is how the spec writes a set.
  absl::Status Set(const char* key, std::vector<std::string>* out) const {
    const Json* value = Find(key);
    if (value == nullptr) return absl::OkStatus();
    if (!value->is_object()) return Wrong(key, "is not an object");
    for (const auto& [name, unused] : value->items()) {
      RETURN_IF_ERROR(CheckedString(Json(name), key, &out->emplace_back()));
    }
    return absl::OkStatus();
  }

  static absl::Status Wrong(std::string_view key, std::string_view why) {
    return absl::InvalidArgumentError(StrCat(kWhat, ": '", key, "' ", why));
  }

 private:
  static absl::Status CheckedString(const Json& value, const char* key, std::string* out) {
    if (!value.is_string()) return Wrong(key, "holds something that is not a string");
    *out = value.get<std::string>();
    if (out->find('\0') != std::string::npos) return Wrong(key, "holds a NUL character");
    return absl::OkStatus();
  }

  const Json& object_;
};

absl::Status ParseDiffIds(const Json& document, const Limits& limits, ImageConfig* config) {
  ASSIGN_OR_RETURN(const Json* rootfs, JsonObject(document, "rootfs", kWhat));
  ASSIGN_OR_RETURN(std::string type, JsonString(*rootfs, "type", "image config rootfs"));
  if (type != "layers") return Members::Wrong("rootfs.type", "is not 'layers'");
  std::vector<std::string> texts;
  RETURN_IF_ERROR(Members(*rootfs).Strings("diff_ids", &texts));
  if (texts.size() > limits.max_layers) {
    return absl::ResourceExhaustedError(
        StrCat(kWhat, ": ", texts.size(), " layers, allowed are ", limits.max_layers));
  }
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(BlobDigest digest, BlobDigest::Parse(text), "image config diff_ids");
    config->diff_ids.push_back(std::move(digest));
  }
  return absl::OkStatus();
}

absl::Status ParseProcess(const Json& json, ImageConfig* config) {
  if (!json.is_object()) return Members::Wrong("config", "is not an object");
  Members members(json);
  RETURN_IF_ERROR(members.Strings("Env", &config->env));
  for (const std::string& entry : config->env) {
    if (entry.find('=') == std::string::npos || entry[0] == '=') {
      return Members::Wrong("Env", "holds an entry that is not NAME=value");
    }
  }
  RETURN_IF_ERROR(members.Strings("Entrypoint", &config->entrypoint));
  RETURN_IF_ERROR(members.Strings("Cmd", &config->cmd));
  RETURN_IF_ERROR(members.String("User", &config->user));
  RETURN_IF_ERROR(members.String("WorkingDir", &config->working_dir));
  RETURN_IF_ERROR(members.String("StopSignal", &config->stop_signal));
  return members.Set("Volumes", &config->volumes);
}

}  // namespace

absl::StatusOr<ImageConfig> ParseImageConfig(std::string_view text, const Limits& limits) {
  if (text.size() > limits.max_config_size) {
    return absl::ResourceExhaustedError(
        StrCat(kWhat, ": is ", text.size(), " bytes, allowed are ", limits.max_config_size));
  }
  ASSIGN_OR_RETURN(Json document,
                   ParseJsonObject(text, kWhat, {.max_size = limits.max_config_size}));
  ImageConfig config;
  Members members(document);
  RETURN_IF_ERROR(members.String("os", &config.os));
  RETURN_IF_ERROR(members.String("architecture", &config.architecture));
  RETURN_IF_ERROR(ParseDiffIds(document, limits, &config));
  if (const Json* process = members.Find("config"); process != nullptr) {
    RETURN_IF_ERROR(ParseProcess(*process, &config));
  }
  return config;
}

}  // namespace nacre::image
