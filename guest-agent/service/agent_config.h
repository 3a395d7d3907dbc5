// Settings for the guest that the owner put into initdata, key "nacre.toml". Every table and key is
// optional; an unknown one is refused.
//
//   [broker]
//   url = "https://10.0.2.2:8443"
//   server_certificate = """-----BEGIN CERTIFICATE-----..."""   # exactly this one is accepted
//   server_public_key = """-----BEGIN PUBLIC KEY-----..."""     # or: any certificate of this key
//   fallback_urls = ["https://10.0.2.3:8443"]                   # asked in order when url is gone
//   proxy = "http://10.0.2.2:3128"                              # the way to all of them
//   [registry]
//   insecure_registries = ["10.0.2.2:5000"]                     # plain HTTP
//   [image]                                                     # docs/reference/image-settings.md
//   image_security_policy = '''{"default": [{"type": "reject"}], ...}'''
//   [node_cache]
//   enabled = false    # default true: blobs come from the node's cache where it has one
//   [storage]                                                   #
//   guest-agent/storage/storage_settings.h images = "encrypted-disk"
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "guest-agent/storage/storage_settings.h"
#include "image-rs-cpp/image_settings.h"
#include "tee/common/initdata.h"

namespace nacre::guest_agent {

struct AgentConfig {
  std::string broker_url;              // empty: no broker, so no encrypted image can run
  std::string broker_certificate_pem;  // exactly one of these two
  std::string broker_public_key_pem;
  std::vector<std::string> broker_fallback_urls;
  std::string broker_proxy;  // empty: none
  image::ImageSettings image;
  bool node_cache = true;
  StorageSettings storage;
};

// kInvalidArgument naming the key. A broker must be https and come with its certificate or
// its key.
absl::StatusOr<AgentConfig> ReadAgentConfig(const tee::InitdataEntries& data);

}  // namespace nacre::guest_agent
