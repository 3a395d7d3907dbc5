// The root certificates a verifier of TDX quotes trusts: by certificate and by public key, never by
// name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "crypto/x509.h"

namespace nacre::tee::tdx {

struct TrustedRoot {
  std::string name;          // "Intel SGX Root CA"
  Bytes certificate_sha256;  // of the DER, 32 bytes
  Bytes spki_sha256;         // of the DER SubjectPublicKeyInfo
  bool emulated = false;     // of nacre-tee-emulator: proves nothing about hardware
};

// Intel's own: the "Intel SGX Root CA" of 2018.
std::vector<TrustedRoot> IntelRoots();

// The root of an emulator, from its certificate (PEM). Named "emulated <subject CN>".
// kInvalidArgument when it is Intel's own.
absl::StatusOr<TrustedRoot> EmulatedRootFromPem(std::string_view root_pem);

// The root that both digests of `certificate` meet, or nullptr.
const TrustedRoot* FindRoot(const crypto::Certificate& certificate,
                            const std::vector<TrustedRoot>& roots);

}  // namespace nacre::tee::tdx
