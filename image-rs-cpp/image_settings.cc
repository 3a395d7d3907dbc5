#include "image-rs-cpp/image_settings.h"

#include "base/strings.h"
#include "base/toml.h"

namespace nacre::image {
namespace {

absl::Status CheckOneOf(const std::string& where, const std::string& text, const std::string& uri,
                        std::string_view text_key, std::string_view uri_key) {
  if (text.empty() || uri.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      StrCat(where, ": ", text_key, " and ", uri_key, " exclude each other"));
}

// The text itself, or the document of that name, or nothing.
absl::StatusOr<std::string> TextOf(const std::string& text, const std::string& uri,
                                   const Documents& documents, std::string_view what) {
  if (uri.empty()) return text;
  ASSIGN_OR_RETURN(std::string loaded, documents.LoadText(uri), what);
  return loaded;
}

}  // namespace

absl::StatusOr<ImageSettings> ParseImageSettings(const Json& table, const std::string& where) {
  ImageSettings out;
  RETURN_IF_ERROR(TableReader(table, where)
                      .String("image_security_policy", &out.image_security_policy)
                      .String("image_security_policy_uri", &out.image_security_policy_uri)
                      .Finish());
  RETURN_IF_ERROR(CheckOneOf(where, out.image_security_policy, out.image_security_policy_uri,
                             "image_security_policy", "image_security_policy_uri"));
  return out;
}

absl::Status LoadImageSettings(const ImageSettings& settings, const Documents& documents,
                               ImagePullerOptions* options) {
  ASSIGN_OR_RETURN(const std::string policy,
                   TextOf(settings.image_security_policy, settings.image_security_policy_uri,
                          documents, "image policy"));
  std::shared_ptr<const TrustPolicy> trust;
  if (!policy.empty()) {
    ASSIGN_OR_RETURN(trust, TrustPolicy::Create(policy, documents));
  }
  options->trust = std::move(trust);
  options->registry.insecure_registries = settings.insecure_registries;
  return absl::OkStatus();
}

}  // namespace nacre::image
