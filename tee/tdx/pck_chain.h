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

// Of several CRLs of one issuer the newest that is in force at `now` counts, or the newest. The
// root's must not list the intermediate, the intermediate's must not list the PCK: kRevoked;
// kCrlMissing, kCrlIssuerMismatch (there are CRLs, none of the issuer), kCrlSignature, kCrlExpired.
absl::Status CheckPckRevocation(const PckChain& chain, const std::vector<crypto::Crl>& crls,
                                int64_t now);

// The same for any certificate of `issuer`.
absl::Status CheckRevocation(const crypto::Certificate& certificate,
                             const crypto::Certificate& issuer,
                             const std::vector<crypto::Crl>& crls, int64_t now);

}  // namespace nacre::tee::tdx
