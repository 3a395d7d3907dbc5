// The root keys (ARK) a verifier trusts: by public key, never by name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "tee/sev/report.h"

namespace nacre::tee::sev {

struct TrustedRoot {
  std::string name;  // "ARK-Milan"
  Product product = Product::kMilan;
  Bytes spki_sha384;      // of the DER SubjectPublicKeyInfo, 48 bytes
  bool emulated = false;  // of nacre-tee-emulator: proves nothing about hardware
};

// AMD's own roots: Milan, Genoa, Turin.
std::vector<TrustedRoot> AmdRoots();

// The root of an emulator, from its ARK certificate (PEM), whose subject is "ARK-<Product>". Named
// "emulated ARK-<Product>". kInvalidArgument for another subject, or for a key of AMD's own.
absl::StatusOr<TrustedRoot> EmulatedRootFromPem(std::string_view ark_pem);

}  // namespace nacre::tee::sev
