#include "guest-agent/service/agent_config.h"

#include "base/strings.h"
#include "base/toml.h"

namespace nacre::guest_agent {

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
                        .Finish());
    if (!config.broker_url.starts_with("https://"))
      return absl::InvalidArgumentError(
          StrCat("nacre.toml: [broker]: url is '", config.broker_url, "', expected https://..."));
    if (config.broker_certificate_pem.empty())
      return absl::InvalidArgumentError("nacre.toml: [broker]: server_certificate is missing");
  }
  if (const Json* registry = root.Table("registry")) {
    RETURN_IF_ERROR(TableReader(*registry, "nacre.toml: [registry]")
                        .Strings("insecure_registries", &config.insecure_registries)
                        .Finish());
  }
  RETURN_IF_ERROR(root.Finish());
  return config;
}

}  // namespace nacre::guest_agent
