// Making certificates and CRLs: for the TEE emulator, the broker's own server certificate and
// tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crypto/crl.h"
#include "crypto/key.h"
#include "crypto/x509.h"

namespace nacre::crypto {

// How the issuer signs. PSS as AMD's: MGF1 with the same hash, salt as long as the hash.
enum class SignatureScheme { kEcdsaSha256, kEcdsaSha384, kRsaPssSha256, kRsaPssSha384 };

// Attribute short names ("C", "ST", "L", "O", "OU", "CN") with values, first to last.
using NameParts = std::vector<std::pair<std::string, std::string>>;

struct CustomExtension {
  std::string oid;  // dotted numbers
  Bytes der;        // the contents of the OCTET STRING
  bool critical = false;
};

struct CertificateRequest {
  NameParts subject;
  // Big-endian; empty = 16 random bytes, {0} = zero as in AMD's VCEKs.
  Bytes serial;
  int64_t not_before = 0;  // seconds since 1970
  int64_t not_after = 0;
  // A CA gets basicConstraints CA (critical), keyCertSign and cRLSign; others digitalSignature.
  bool is_ca = false;
  std::optional<int> path_length;  // of a CA
  bool server_auth = false;        // extended key usages
  bool client_auth = false;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;  // "127.0.0.1", "::1"
  std::vector<CustomExtension> extensions;
};

// A certificate for `subject_key`. Without `issuer` it is self-signed: `issuer_key` must then be
// the subject's own. kInvalidArgument for a scheme that does not fit the key or a field that cannot
// be encoded.
absl::StatusOr<Certificate> MakeCertificate(const CertificateRequest& request,
                                            const PublicKey& subject_key, const Certificate* issuer,
                                            const PrivateKey& issuer_key, SignatureScheme scheme);

struct CrlRequest {
  int64_t this_update = 0;
  int64_t next_update = 0;
  std::vector<Bytes> revoked_serials;
};
absl::StatusOr<Bytes> MakeCrlDer(const CrlRequest& request, const Certificate& issuer,
                                 const PrivateKey& issuer_key, SignatureScheme scheme);

}  // namespace nacre::crypto
