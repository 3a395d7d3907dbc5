// Verification of a certificate chain the way crypto.x509.parse_and_verify_certificates means it:
// the first certificate is the only root, the last one the leaf, those between may be used on the
// way. (The room crypto/ verifies Nacre's own chains and is stricter; policies look at others'.)
#pragma once

#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace nacre::rego {

inline constexpr size_t kMaxX509Certificates = 100;

struct X509Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using X509Ptr = std::unique_ptr<X509, X509Free>;
using X509List = std::vector<X509Ptr>;

struct ChainDemands {
  std::string host;  // a name or an address that the leaf must be for; empty for none
  int64_t time = 0;  // seconds since 1970
  std::vector<int>
      key_usages;  // OpenSSL's NIDs, one of which must do; server authentication if none
};
// By OPA's name for it ("KeyUsageClientAuth"); false for an unknown one.
bool AddKeyUsage(std::string_view name, ChainDemands* demands);

// The chain from the leaf to the root. kUnauthenticated with OpenSSL's reason.
absl::StatusOr<X509List> VerifyX509Chain(const X509List& certificates, const ChainDemands& demands);

}  // namespace nacre::rego
