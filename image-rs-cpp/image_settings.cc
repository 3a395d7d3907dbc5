#include "image-rs-cpp/image_settings.h"

#include "base/strings.h"
#include "base/toml.h"
#include "image-rs-cpp/decrypt/annotation_packet.h"
#include "image-rs-cpp/decrypt/key_cache.h"

namespace nacre::image {
namespace {

constexpr uint64_t kMaxStoreMib = 1 << 30;

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

absl::StatusOr<Lookaside> LoadLookaside(const ImageSettings& settings, const Documents& documents) {
  ASSIGN_OR_RETURN(
      const std::string text,
      TextOf(settings.sigstore_config, settings.sigstore_config_uri, documents, "sigstore config"));
  if (text.empty()) return Lookaside();
  return Lookaside::Parse(text);
}

absl::StatusOr<RegistryOptions> LoadRegistryOptions(const ImageSettings& settings,
                                                    const Documents& documents) {
  RegistryOptions out;
  out.insecure_registries = settings.insecure_registries;
  out.proxy = settings.image_pull_proxy;
  ASSIGN_OR_RETURN(const std::string conf,
                   TextOf(settings.registry_config, settings.registry_configuration_uri, documents,
                          "registries.conf"));
  if (!conf.empty()) {
    ASSIGN_OR_RETURN(out.registries, RegistriesConf::Parse(conf));
  }
  if (!settings.authenticated_registry_credentials_uri.empty()) {
    ASSIGN_OR_RETURN(const SecretBytes auths,
                     documents.Load(settings.authenticated_registry_credentials_uri),
                     "registry credentials");
    ASSIGN_OR_RETURN(out.credentials, Credentials::Parse(auths));
  }
  for (const std::string& pem : settings.extra_root_certificates) {
    StrAppend(&out.extra_ca_pem, pem, "\n");
  }
  ASSIGN_OR_RETURN(const std::string roots, TextOf("", settings.extra_root_certificates_uri,
                                                   documents, "extra root certificates"));
  StrAppend(&out.extra_ca_pem, roots);
  return out;
}

}  // namespace

absl::StatusOr<ImageSettings> ParseImageSettings(const Json& table, const std::string& where) {
  ImageSettings out;
  TableReader reader(table, where);
  reader.String("image_security_policy", &out.image_security_policy)
      .String("image_security_policy_uri", &out.image_security_policy_uri)
      .String("sigstore_config", &out.sigstore_config)
      .String("sigstore_config_uri", &out.sigstore_config_uri)
      .String("registry_config", &out.registry_config)
      .String("registry_configuration_uri", &out.registry_configuration_uri)
      .String("authenticated_registry_credentials_uri", &out.authenticated_registry_credentials_uri)
      .Strings("decryption_key_uris", &out.decryption_key_uris)
      .Uint("store_size_mib", &out.store_size_mib, 0, kMaxStoreMib)
      .Strings("extra_root_certificates", &out.extra_root_certificates)
      .String("extra_root_certificates_uri", &out.extra_root_certificates_uri);
  if (const Json* proxy = reader.Table("image_pull_proxy")) {
    RETURN_IF_ERROR(TableReader(*proxy, StrCat(where, " image_pull_proxy"))
                        .String("http_proxy", &out.image_pull_proxy.http_proxy)
                        .String("https_proxy", &out.image_pull_proxy.https_proxy)
                        .String("no_proxy", &out.image_pull_proxy.no_proxy)
                        .Finish());
    RETURN_IF_ERROR(CheckProxyOptions(out.image_pull_proxy), where);
  }
  RETURN_IF_ERROR(reader.Finish());
  RETURN_IF_ERROR(CheckOneOf(where, out.image_security_policy, out.image_security_policy_uri,
                             "image_security_policy", "image_security_policy_uri"));
  RETURN_IF_ERROR(CheckOneOf(where, out.sigstore_config, out.sigstore_config_uri, "sigstore_config",
                             "sigstore_config_uri"));
  RETURN_IF_ERROR(CheckOneOf(where, out.registry_config, out.registry_configuration_uri,
                             "registry_config", "registry_configuration_uri"));
  if (out.decryption_key_uris.size() > kMaxKeysPerImage) {
    return absl::InvalidArgumentError(StrCat(where, ": decryption_key_uris has ",
                                             out.decryption_key_uris.size(), " keys, allowed are ",
                                             kMaxKeysPerImage));
  }
  for (const std::string& uri : out.decryption_key_uris) {
    RETURN_IF_ERROR(CheckKeyUri(uri), StrCat(where, ": decryption_key_uris"));
  }
  return out;
}

absl::Status LoadImageSettings(const ImageSettings& settings, const Documents& documents,
                               ImagePullerOptions* options) {
  ASSIGN_OR_RETURN(const std::string policy,
                   TextOf(settings.image_security_policy, settings.image_security_policy_uri,
                          documents, "image policy"));
  std::shared_ptr<const TrustPolicy> trust;
  if (!policy.empty()) {
    ASSIGN_OR_RETURN(Lookaside lookaside, LoadLookaside(settings, documents));
    ASSIGN_OR_RETURN(trust, TrustPolicy::Create(policy, documents, std::move(lookaside)));
  }
  ASSIGN_OR_RETURN(RegistryOptions registry, LoadRegistryOptions(settings, documents));
  options->trust = std::move(trust);
  options->registry = std::move(registry);
  options->store.max_size = settings.store_size_mib << 20;
  options->private_key_uris = settings.decryption_key_uris;
  return absl::OkStatus();
}

}  // namespace nacre::image
