#include "tee/sev/roots.h"

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/x509.h"

namespace nacre::tee::sev {
namespace {

constexpr std::string_view kArkPrefix = "ARK-";

// SHA-384 of the SubjectPublicKeyInfo of the ARK certificates that AMD's key distribution service
// gives at /vcek/v1/<Product>/cert_chain.
struct Pin {
  Product product;
  std::string_view spki_sha384;
};
constexpr Pin kAmdPins[] = {
    {Product::kMilan,
     "1249f67f15cf229a4069195e1a9ce537d1765ef706a1f4a123c36be9518786515d25ecc007f366b564d2b3f31c48"
     "082e"},
    {Product::kGenoa,
     "32ab53a6ce5ec14926207396e5c475ae768a6a9831b7e860b5acf2e1c1dff222bc5a8bfc43eb5e06393189c1f246"
     "d880"},
    {Product::kTurin,
     "3475f08a9727f8ac9a1deaea5f2a2097aa59d64d05c2a678c229c873e6359d3a6926287a2a22cd5f88a385e333a2"
     "fcc5"},
};

}  // namespace

std::vector<TrustedRoot> AmdRoots() {
  std::vector<TrustedRoot> roots;
  for (const Pin& pin : kAmdPins) {
    roots.push_back({.name = StrCat(kArkPrefix, ProductName(pin.product)),
                     .product = pin.product,
                     .spki_sha384 = HexDecode(pin.spki_sha384).value_or(Bytes()),
                     .emulated = false});
  }
  return roots;
}

absl::StatusOr<TrustedRoot> EmulatedRootFromPem(std::string_view ark_pem) {
  ASSIGN_OR_RETURN(const crypto::Certificate ark, crypto::Certificate::FromPem(ark_pem),
                   "emulated root");
  ASSIGN_OR_RETURN(const std::string name, ark.subject_common_name(), "emulated root");
  const std::string_view product_name =
      name.starts_with(kArkPrefix) ? std::string_view(name).substr(kArkPrefix.size()) : "";
  const auto product = ParseProductName(product_name);
  if (!product.ok()) {
    return absl::InvalidArgumentError(
        StrCat("emulated root: subject '", name, "' is not ARK-Milan, ARK-Genoa or ARK-Turin"));
  }
  TrustedRoot root{StrCat("emulated ", name), *product, {}, true};
  root.spki_sha384 = ark.SpkiDigest(crypto::HashAlgorithm::kSha384);
  for (const TrustedRoot& amd : AmdRoots()) {
    if (amd.spki_sha384 == root.spki_sha384) {
      return absl::InvalidArgumentError(StrCat("emulated root: that is AMD's own ", amd.name));
    }
  }
  return root;
}

}  // namespace nacre::tee::sev
