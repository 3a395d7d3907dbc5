// What kind of thing was wrong with refused evidence, in words that stay the same from release to
// release: programs branch on these, people read Appraisal::refusal. Beside the text of every
// refusal, for all kinds of evidence.
#pragma once

#include <optional>
#include <string_view>

#include "base/status.h"

namespace nacre::tee {

enum class RefusalClass {
  kNone,          // nothing was refused
  kUnclassified,  // refused by a check that names no class
  // Evidence of any kind.
  kFormat,              // not the bytes of what it claims to be
  kUnsupported,         // a version, type or algorithm that is not handled
  kUnsupportedVersion,  //
  kTypeMismatch,        // evidence of one kind where another belongs
  kSignature,           // over the evidence itself
  kChain,               // the certificates do not lead to a trusted root
  kExpired,             // a certificate's time is over
  kNotYetValid,         // a certificate's time has not begun
  kRevoked,
  kCrlSignature,
  kCrlExpired,  // out of date, or not yet in force
  kCrlIssuerMismatch,
  kCrlMissing,
  kReportData,   // nonce and channel binding
  kMeasurement,  // launch digest, MRTD and the like
  kPolicy,       // a demand of the owner that has no class of its own
  // SEV-SNP.
  kKeyType,
  kProduct,
  kTcbMismatch,  // the certificate is of another patch level
  kTcbTooOld,
  kChipId,
  kHostData,
  kPolicyDebug,
  kVmpl,
  // TDX.
  kQuoteSignature,
  kQeReportSignature,
  kQeReportData,
  kUnsupportedCertType,
  kCollateralMissing,
  kCollateralType,
  kCollateralSignature,
  kCollateralExpired,
  kCollateralNotYetValid,
  kFmspcMismatch,
  kQeIdentityMismatch,
  kTdxModuleMismatch,
  kTcbNotSupported,  // no TCB level matches
  kTcbStatus,        // a TCB status the policy does not accept
  kTcbEvalNumber,
  kTdDebug,
  // TPM and event logs.
  kNonce,
  kPcrDigest,
  kAkBinding,
  kHclBinding,
  kRtmrMismatch,
  kEventDataMismatch,
  kNoBank,
  // Launch measurement in advance.
  kNoKernelHashes,
  kArgument,
};

// "FORMAT", "CRL_ISSUER_MISMATCH", "QE_REPORT_DATA", ...; "NONE" and "UNCLASSIFIED".
std::string_view RefusalClassName(RefusalClass value);
// nullopt for a name that is none of these.
std::optional<RefusalClass> ParseRefusalClass(std::string_view name);

// An error that carries its class through Annotate() and RETURN_IF_ERROR: kUnauthenticated, or
// kInvalidArgument for kFormat and the unsupported.
absl::Status RefusedError(RefusalClass refusal_class, std::string_view message);
// `status` with the class added; one that has a class already keeps it.
absl::Status WithClass(absl::Status status, RefusalClass refusal_class);
// The class a status carries, or `otherwise`.
RefusalClass ClassOf(const absl::Status& status, RefusalClass otherwise);

}  // namespace nacre::tee
