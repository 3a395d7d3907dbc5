// From a quote's PCK certificate to a trusted root, and whether anything on the way was revoked.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "crypto/crl.h"
#include "crypto/x509.h"
#include "tee/tdx/roots.h"

namespace nacre::tee::tdx {

struct TdxTrust {
  std::vector<TrustedRoot> roots = IntelRoots();
};

struct PckChain {
  crypto::Certificate pck;
  crypto::Certificate intermediate;  // "Intel SGX PCK Platform CA" or "... Processor CA"
  crypto::Certificate root;
  TrustedRoot trusted;  // the pin that `root` met
};

// `certification_data` is a quote's: PEM of exactly PCK, intermediate and root in this order;
// trailing NUL bytes are passed over. The error's class is kFormat for what is no PEM of
// certificates, kExpired or kNotYetValid when only `now` (seconds since 1970) is wrong, and else
// kChain.
absl::StatusOr<PckChain> VerifyPckChain(ByteView certification_data, const TdxTrust& trust,
                                        int64_t now);

// What CRLs say during one verification. Of several CRLs of one issuer the newest that is in force
// counts, or the newest; its signature and dates are checked once, however often it is asked.
class RevocationChecks {
 public:
  // `crls` must outlive this.
  RevocationChecks(const std::vector<crypto::Crl>& crls, int64_t now) : crls_(crls), now_(now) {}

  // kRevoked; kCrlMissing, kCrlIssuerMismatch (there are CRLs, none of the issuer), kCrlSignature,
  // kCrlExpired.
  absl::Status Check(const crypto::Certificate& certificate, const crypto::Certificate& issuer);
  // The root's must not list the intermediate, the intermediate's must not list the PCK.
  absl::Status CheckPck(const PckChain& chain);

 private:
  struct Verified {
    const crypto::Crl* crl;
    crypto::Certificate issuer;
  };
  const std::vector<crypto::Crl>& crls_;
  int64_t now_;
  std::vector<Verified> verified_;
};

}  // namespace nacre::tee::tdx
