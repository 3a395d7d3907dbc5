// Who may open a layer, named as skopeo and buildah name them after --encryption-key:
//
//   jwe:FILE      a public key (PEM, DER, or a JSON Web Key, whose "alg" then chooses how)
//   pkcs7:FILE    an X.509 certificate with an RSA key (PEM or DER)
//   provider:attestation-agent:keyid=kbs:///repo/type/tag::keypath=FILE
//                 attested guests, through their key broker
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/secret_bytes.h"
#include "base/status.h"
#include "crypto/jwe.h"
#include "crypto/x509.h"
#include "image-rs-cpp/decrypt/layer_cipher.h"
#include "image-rs-cpp/decrypt/layer_options.h"

namespace nacre::image {

class Recipients {
 public:
  // kInvalidArgument for another scheme or a file that does not hold what the scheme wants; the
  // file system's errors. All begin with the recipient.
  absl::Status Add(std::string_view recipient);
  bool empty() const { return jwe_.empty() && pkcs7_.empty() && guests_.empty(); }

  // Adds the layer's private options, wrapped for each of these, to what `annotations` has.
  absl::Status Wrap(const LayerKey& key, Annotations* annotations) const;

 private:
  struct PublicKey {
    crypto::PublicKey key;
    crypto::JweAlgorithm algorithm;
  };
  struct Guests {
    std::string key_id;
    SecretBytes key;
  };
  absl::Status AddPublicKey(const std::string& path);
  absl::Status AddCertificate(const std::string& path);
  absl::Status AddProvider(std::string_view text);

  std::vector<PublicKey> jwe_;
  std::vector<crypto::Certificate> pkcs7_;
  std::vector<Guests> guests_;
};

}  // namespace nacre::image
