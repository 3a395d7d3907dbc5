// What evidence is verified with: certificates, revocation lists and Intel's signed JSON, from
// files and folders that anyone may have filled. Nothing here is trusted; verifiers check all of it
// against pinned roots.
#pragma once

#include <string>
#include <vector>

#include "crypto/crl.h"
#include "crypto/x509.h"
#include "tee/sev/certificates.h"

namespace nacre::attestation {

inline constexpr size_t kMaxCollateralFile = 4 << 20;
inline constexpr size_t kMaxCollateralFiles = 1024;

struct CollateralFiles {
  std::vector<crypto::Certificate> certificates;
  std::vector<Bytes> crls;             // DER
  std::vector<std::string> documents;  // JSON objects: TCB info, QE identity
  size_t files = 0;                    // that were read
};

// Adds what `path` holds: a file, or every file of a folder (not of its sub-folders), in name
// order. Certificates and CRLs are DER or PEM (any number in one file). A file named directly that
// is neither, nor a JSON object, is kInvalidArgument; in a folder it is passed over.
// kResourceExhausted past the limits.
absl::Status AddCollateral(const std::string& path, CollateralFiles* collateral);

// AMD's among them, by subject and issuer: ARK, ASK, ASVK and CRLs of "ARK-..." issuers.
std::vector<tee::sev::CertificateEntry> AmdAuthorities(const CollateralFiles& collateral);
// VCEKs and VLEKs.
std::vector<tee::sev::CertificateEntry> AmdLeaves(const CollateralFiles& collateral);

}  // namespace nacre::attestation
