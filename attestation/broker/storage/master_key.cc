#include "attestation/broker/storage/master_key.h"

#include <sys/stat.h>

#include "attestation/broker/storage/pkcs11.h"
#include "attestation/broker/storage/tpm_master_key.h"
#include "base/file.h"
#include "base/strings.h"
#include "crypto/aead.h"
#include "crypto/random.h"

namespace nacre::attestation {
namespace {

std::string Aad(std::string_view context) { return StrCat("nacre-kbs data key v1:", context); }

class BytesMasterKey : public MasterKey {
 public:
  BytesMasterKey(SecretBytes key, std::string where)
      : key_(std::move(key)), where_(std::move(where)) {}
  std::string Describe() const override { return where_; }
  absl::StatusOr<Bytes> Wrap(std::string_view context, const SecretBytes& data_key) override {
    Bytes out = crypto::RandomBytes(crypto::kGcmIvSize);
    ASSIGN_OR_RETURN(Bytes sealed, crypto::Aes256GcmSeal(key_.view(), out, AsBytes(Aad(context)),
                                                         data_key.view()));
    out.insert(out.end(), sealed.begin(), sealed.end());
    return out;
  }
  absl::StatusOr<SecretBytes> Unwrap(std::string_view context, ByteView wrapped) override {
    if (wrapped.size() < crypto::kGcmIvSize) {
      return absl::UnauthenticatedError("a wrapped key is too short");
    }
    return crypto::Aes256GcmOpen(key_.view(), wrapped.first(crypto::kGcmIvSize),
                                 AsBytes(Aad(context)), wrapped.subspan(crypto::kGcmIvSize));
  }

 private:
  SecretBytes key_;
  std::string where_;
};

// A key others can read is no key: refused like a missing one.
absl::StatusOr<SecretBytes> ReadKeyFile(const std::string& path) {
  ASSIGN_OR_RETURN(Bytes contents, ReadFile(path, 4096), "master key");
  SecretBytes key = SecretBytes::TakeFrom(std::move(contents));
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, path);
  if ((info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        StrCat("master key: ", path, " can be read by others; chmod it to 600"));
  }
  return key;
}

}  // namespace

std::string InFolder(const std::string& path, const std::string& folder) {
  return path.starts_with('/') || folder.empty() ? path : StrCat(folder, "/", path);
}

absl::StatusOr<std::unique_ptr<MasterKey>> MasterKeyFromBytes(SecretBytes key, std::string where) {
  if (key.size() != crypto::kAes256KeySize) {
    return absl::InvalidArgumentError(
        StrCat("master key: ", where, " has ", key.size(), " bytes, expected 32"));
  }
  return std::make_unique<BytesMasterKey>(std::move(key), std::move(where));
}

absl::StatusOr<std::unique_ptr<MasterKey>> OpenMasterKey(const std::string& uri,
                                                         const std::string& folder) {
  if (uri.starts_with("pkcs11:")) return OpenPkcs11MasterKey(uri, folder);
  if (uri.starts_with("tpm:")) return OpenTpmMasterKey(uri, folder);
  const std::string path = InFolder(uri, folder);
  ASSIGN_OR_RETURN(SecretBytes key, ReadKeyFile(path));
  return MasterKeyFromBytes(std::move(key), path);
}

absl::Status CreateMasterKey(const std::string& uri, const std::string& folder) {
  if (uri.starts_with("pkcs11:")) return CreatePkcs11MasterKey(uri, folder);
  if (uri.starts_with("tpm:")) return CreateTpmMasterKey(uri, folder);
  const std::string path = InFolder(uri, folder);
  if (PathExists(path)) return absl::AlreadyExistsError(StrCat("master key: ", path, " exists"));
  return WriteFileAtomic(path, crypto::RandomSecret(crypto::kAes256KeySize).view(), 0600);
}

}  // namespace nacre::attestation
