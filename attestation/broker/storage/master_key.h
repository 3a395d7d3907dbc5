// The key everything secret in the store hangs on. It seals nothing but the store's data keys (32
// random bytes each), so it may live where bulk data cannot go: in a token or a TPM.
//
// Named by a URI in kbs.toml:
//   "master.key"                                   a file of 32 bytes that only its owner reads
//   "pkcs11:token=T;object=O?module-path=F&pin-source=F"   an AES key in a token (RFC 7512)
//   "tpm:F?device=D[&pcrs=0,7]"                    a key sealed to a TPM, F its sealed object
#pragma once

#include <memory>
#include <string>

#include "base/secret_bytes.h"
#include "base/status.h"

namespace nacre::attestation {

// Thread-safe.
class MasterKey {
 public:
  virtual ~MasterKey() = default;
  virtual std::string Describe() const = 0;  // for people: where the key is
  // The data key sealed, bound to `context`.
  virtual absl::StatusOr<Bytes> Wrap(std::string_view context, const SecretBytes& data_key) = 0;
  // kUnauthenticated when it was wrapped by another key or for another context.
  virtual absl::StatusOr<SecretBytes> Unwrap(std::string_view context, ByteView wrapped) = 0;
};

// AES-256-GCM under 32 bytes in this program's memory. kInvalidArgument for another size.
absl::StatusOr<std::unique_ptr<MasterKey>> MasterKeyFromBytes(SecretBytes key, std::string where);

// `uri` as above; relative paths in it are taken from `folder`. Errors are one line and name the
// file, token or device.
absl::StatusOr<std::unique_ptr<MasterKey>> OpenMasterKey(const std::string& uri,
                                                         const std::string& folder);
// Makes the key that `uri` names. kAlreadyExists when it is there.
absl::Status CreateMasterKey(const std::string& uri, const std::string& folder);

// `path` as it is when absolute, else in `folder`.
std::string InFolder(const std::string& path, const std::string& folder);

}  // namespace nacre::attestation
