// What Intel publishes about a platform, beside a quote: TCB info, QE identity, the certificate
// that signs both, CRLs. Where it comes from is attestation/collateral's business; here it is read
// and checked.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "crypto/crl.h"
#include "crypto/x509.h"
#include "tee/tdx/pck_chain.h"
#include "tee/tdx/signed_json.h"
#include "tee/tdx/tcb_info.h"

namespace nacre::tee::tdx {

// As it arrives.
struct Collateral {
  std::string tcb_info;     // body of PCS "/tdx/certification/v4/tcb", untouched
  std::string qe_identity;  // body of PCS "/tdx/certification/v4/qe/identity"
  // PEM: every certificate "Intel SGX TCB Signing" at hand (header "TCB-Info-Issuer-Chain"). Roots
  // among them are passed over: the chain must end in the root of the quote.
  std::string signing_certificates;
  std::vector<Bytes> crls;  // DER: of the root CA and of the PCK CA
};

// Taken apart once, to judge many quotes of the same kind of platform.
struct ParsedCollateral {
  SignedJson signed_tcb_info;  // its text views *source
  SignedJson signed_qe_identity;
  std::shared_ptr<const Collateral> source;
  Bytes digest;  // SHA-256 that stands for all of `source`
  TcbInfo tcb_info;
  QeIdentity qe_identity;
  std::vector<crypto::Certificate> signers;
  std::vector<crypto::Crl> crls;
};

// The error's class is kCollateralMissing for an empty part, and kFormat or kUnsupported naming the
// part otherwise.
absl::StatusOr<ParsedCollateral> ParseCollateral(Collateral collateral);

// TCB info of id TDX version 3 and QE identity of id TD_QE version 2: kCollateralType.
absl::Status CheckCollateralType(const ParsedCollateral& collateral);

// Both signatures are by one of the signers, whose chain to `root` holds at `now` and which
// `root`'s CRL does not list. kCollateralSignature, kChain, kExpired, kNotYetValid, kRevoked,
// kCrl... `root_known_good`: as crypto::ChainOptions has it.
absl::Status CheckCollateralSignatures(const ParsedCollateral& collateral,
                                       const crypto::Certificate& root, bool root_known_good,
                                       int64_t now, RevocationChecks* revocation);

// issue date <= now < next update of both: kCollateralNotYetValid, kCollateralExpired.
absl::Status CheckCollateralTime(const ParsedCollateral& collateral, int64_t now);

}  // namespace nacre::tee::tdx
