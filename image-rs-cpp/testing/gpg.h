// GnuPG with a key ring of its own, and skopeo signing with it: signatures made by others.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/file.h"
#include "base/status.h"

namespace nacre::image::testing {

class Gpg {
 public:
  // kNotFound when gpg, gpgv or skopeo is not installed.
  static absl::StatusOr<std::unique_ptr<Gpg>> Start();
  ~Gpg();
  const std::string& home() const { return home_.path(); }  // its GNUPGHOME

  // A new Ed25519 key; `expire` as gpg takes it ("0": never). Returns its fingerprint.
  absl::StatusOr<std::string> NewKey(const std::string& name, const std::string& expire = "0");
  absl::StatusOr<Bytes> Export(const std::string& fingerprint, bool armor = false);
  // gpg --sign, with more options if wanted.
  absl::StatusOr<Bytes> Sign(const std::string& fingerprint, const std::string& text,
                             std::vector<std::string> options = {});
  // skopeo standalone-sign
  absl::StatusOr<Bytes> SignManifest(const std::string& fingerprint, const std::string& manifest,
                                     const std::string& reference);

 private:
  explicit Gpg(TemporaryDirectory home) : home_(std::move(home)) {}
  absl::StatusOr<Bytes> Run(std::vector<std::string> argv, const std::string& input = "");
  TemporaryDirectory home_;
};

}  // namespace nacre::image::testing
