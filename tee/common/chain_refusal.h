// Certificate chains and CRLs whose failures say which kind they are: a date, a listed serial, or a
// path that does not hold.
#pragma once

#include <cstdint>
#include <vector>

#include "crypto/crl.h"
#include "crypto/x509.h"
#include "tee/common/refusal_class.h"

namespace nacre::tee {

// crypto::VerifyChain; the error carries kExpired or kNotYetValid when only the time is wrong, and
// else kChain.
// `options.crls` must be empty: CRLs are checked by VerifyCrl and CheckNotRevoked.
absl::StatusOr<std::vector<crypto::Certificate>> VerifyChainClassed(
    const crypto::Certificate& leaf, const crypto::ChainOptions& options);

// crypto::Crl::Verify, with kCrlIssuerMismatch, kCrlSignature or kCrlExpired.
absl::Status VerifyCrl(const crypto::Crl& crl, const crypto::Certificate& issuer, int64_t now);

// That a CRL which VerifyCrl has passed does not list `certificate`: kRevoked otherwise.
absl::Status CheckNotListed(const crypto::Certificate& certificate, const crypto::Crl& crl);

// VerifyCrl and CheckNotListed.
absl::Status CheckNotRevoked(const crypto::Certificate& certificate,
                             const crypto::Certificate& issuer, const crypto::Crl& crl,
                             int64_t now);

}  // namespace nacre::tee
