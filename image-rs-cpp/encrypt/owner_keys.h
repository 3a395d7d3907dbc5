// What an owner opens encrypted layers with, named as skopeo names it after --decryption-key:
//
//   FILE          a private key: PEM or JSON Web Key (certificates, which skopeo wants beside the
//                 keys of the pkcs7 scheme, may be named too and are not needed)
//   provider:attestation-agent:keypath=FILE[::keyid=kbs:///repo/type/tag]
//                 the key-encryption key of this name, or of every name
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "image-rs-cpp/decrypt/key_resolver.h"
#include "image-rs-cpp/decrypt/layer_keys.h"

namespace nacre::image {

class OwnerKeys : public KeyResolver {
 public:
  // kInvalidArgument for a file that is no key; the file system's errors. All name the file.
  absl::Status Add(std::string_view key);
  bool empty() const { return private_keys_.empty() && by_name_.empty() && for_all_.empty(); }

  // kNotFound for a name without a file.
  absl::StatusOr<SecretBytes> GetKey(std::string_view kbs_uri) override;

  // These keys, taken out; `this` stays the resolver and must outlive the result.
  LayerKeyOptions TakeOptions();

 private:
  std::vector<NamedPrivateKey> private_keys_;
  std::map<std::string, SecretBytes, std::less<>> by_name_;
  SecretBytes for_all_;
};

}  // namespace nacre::image
