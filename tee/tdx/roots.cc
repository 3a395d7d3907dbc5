#include "tee/tdx/roots.h"

#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::tee::tdx {
namespace {

// SHA-256 of the certificate that https://certificates.trustedservices.intel.com gives as
// IntelSGXRootCA.der, and of its SubjectPublicKeyInfo.
constexpr std::string_view kIntelName = "Intel SGX Root CA";
constexpr std::string_view kIntelCertificate =
    "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3";
constexpr std::string_view kIntelKey =
    "a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e";

absl::StatusOr<TrustedRoot> RootOf(const crypto::Certificate& certificate) {
  TrustedRoot root;
  root.certificate_sha256 = certificate.Fingerprint(crypto::HashAlgorithm::kSha256);
  root.spki_sha256 = certificate.SpkiDigest(crypto::HashAlgorithm::kSha256);
  return root;
}

}  // namespace

std::vector<TrustedRoot> IntelRoots() {
  return {{.name = std::string(kIntelName),
           .certificate_sha256 = HexDecode(kIntelCertificate).value_or(Bytes()),
           .spki_sha256 = HexDecode(kIntelKey).value_or(Bytes()),
           .emulated = false}};
}

absl::StatusOr<TrustedRoot> EmulatedRootFromPem(std::string_view root_pem) {
  ASSIGN_OR_RETURN(const crypto::Certificate certificate, crypto::Certificate::FromPem(root_pem),
                   "emulated root");
  ASSIGN_OR_RETURN(TrustedRoot root, RootOf(certificate), "emulated root");
  for (const TrustedRoot& intel : IntelRoots()) {
    if (intel.spki_sha256 == root.spki_sha256) {
      return absl::InvalidArgumentError(StrCat("emulated root: that is Intel's own ", intel.name));
    }
  }
  ASSIGN_OR_RETURN(const std::string name, certificate.subject_common_name(), "emulated root");
  root.name = StrCat("emulated ", name);
  root.emulated = true;
  return root;
}

const TrustedRoot* FindRoot(const crypto::Certificate& certificate,
                            const std::vector<TrustedRoot>& roots) {
  const auto presented = RootOf(certificate);
  if (!presented.ok()) return nullptr;
  for (const TrustedRoot& root : roots) {
    if (root.certificate_sha256 == presented->certificate_sha256 &&
        root.spki_sha256 == presented->spki_sha256) {
      return &root;
    }
  }
  return nullptr;
}

}  // namespace nacre::tee::tdx
