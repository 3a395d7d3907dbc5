#include "guest-agent/service/agent_config.h"

#include "base/strings.h"
#include "base/toml.h"

namespace nacre::guest_agent {
namespace {

absl::Status CheckBroker(const AgentConfig& config) {
  std::vector<std::string> urls = config.broker_fallback_urls;
  urls.insert(urls.begin(), config.broker_url);
  for (const std::string& url : urls) {
    if (!url.starts_with("https://"))
      return absl::InvalidArgumentError(
          StrCat("nacre.toml: [broker]: url is '", url, "', expected https://..."));
  }
  if (config.broker_certificate_pem.empty() == config.broker_public_key_pem.empty())
    return absl::InvalidArgumentError(
        "nacre.toml: [broker]: want one of server_certificate and server_public_key");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<AgentConfig> ReadAgentConfig(const tee::InitdataEntries& data) {
  AgentConfig config;
  const auto text = data.find(tee::kInitdataConfig);
  if (text == data.end()) return config;
  ASSIGN_OR_RETURN(const Json toml, ParseToml(text->second), tee::kInitdataConfig);
  TableReader root(toml, std::string(tee::kInitdataConfig));
  if (const Json* broker = root.Table("broker")) {
    RETURN_IF_ERROR(TableReader(*broker, "nacre.toml: [broker]")
                        .String("url", &config.broker_url)
                        .String("server_certificate", &config.broker_certificate_pem)
                        .String("server_public_key", &config.broker_public_key_pem)
                        .Strings("fallback_urls", &config.broker_fallback_urls)
                        .String("proxy", &config.broker_proxy)
                        .Finish());
    RETURN_IF_ERROR(CheckBroker(config));
  }
  if (const Json* image = root.Table("image")) {
    ASSIGN_OR_RETURN(config.image, image::ParseImageSettings(*image, "nacre.toml: [image]"));
  }
  if (const Json* registry = root.Table("registry")) {
    RETURN_IF_ERROR(TableReader(*registry, "nacre.toml: [registry]")
                        .Strings("insecure_registries", &config.image.insecure_registries)
                        .Finish());
  }
  if (const Json* node_cache = root.Table("node_cache")) {
    RETURN_IF_ERROR(TableReader(*node_cache, "nacre.toml: [node_cache]")
                        .Bool("enabled", &config.node_cache)
                        .Finish());
  }
  if (const Json* storage = root.Table("storage")) {
    ASSIGN_OR_RETURN(config.storage, ParseStorageSettings(*storage, "nacre.toml: [storage]"));
  }
  RETURN_IF_ERROR(root.Finish());
  return config;
}

}  // namespace nacre::guest_agent
