// How an owner configures pulling: the table [image] of nacre.toml in initdata, with the names the
// Confidential Containers project has for the same things. A key ending in _uri names a document
// that is fetched once, from the owner's broker or the measured image (see Documents).
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "image-rs-cpp/documents.h"
#include "image-rs-cpp/image_puller.h"

namespace nacre::image {

struct ImageSettings {
  // policy.json; at most one of the two. With none no image is accepted.
  std::string image_security_policy;
  std::string image_security_policy_uri;
  // Where OpenPGP signatures are kept (signature/lookaside.h).
  std::string sigstore_config;
  std::string sigstore_config_uri;
  // registries.conf (registry/registries_conf.h).
  std::string registry_config;
  std::string registry_configuration_uri;
  // Docker's "auths" (registry/credentials.h). By name only: initdata is no place for a secret.
  std::string authenticated_registry_credentials_uri;
  // PEM, trusted for https besides the roots of the guest image.
  std::vector<std::string> extra_root_certificates;
  std::string extra_root_certificates_uri;
  ProxyOptions image_pull_proxy;  // [image.image_pull_proxy]
  // Private keys that open layers encrypted for public keys: resources of the owner's broker. See
  // LayerKeyOptions::private_key_uris.
  std::vector<std::string> decryption_key_uris;
  // What unpacked layers may take together, see LayerStoreOptions::max_size; 0 is no limit.
  uint64_t store_size_mib = 0;
  std::vector<std::string> insecure_registries;  // nacre.toml [registry]
};

// Reads the table; kInvalidArgument, beginning with `where`, for an unknown key or two that exclude
// each other.
absl::StatusOr<ImageSettings> ParseImageSettings(const Json& table, const std::string& where);

// Loads all documents and fills in what of the puller's options they decide: trust, registry,
// the store's size, decryption keys (which are asked for when an image needs them, not here).
// On failure `options` is as it was.
absl::Status LoadImageSettings(const ImageSettings& settings, const Documents& documents,
                               ImagePullerOptions* options);

}  // namespace nacre::image
