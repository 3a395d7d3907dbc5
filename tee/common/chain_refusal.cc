#include "tee/common/chain_refusal.h"

#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::tee {

using crypto::Certificate;

absl::StatusOr<std::vector<Certificate>> VerifyChainClassed(const Certificate& leaf,
                                                            const crypto::ChainOptions& options) {
  auto path = crypto::VerifyChain(leaf, options);
  if (path.ok()) return path;
  switch (crypto::TimeProblemOf(path.status())) {
    case crypto::TimeProblem::kNotYetValid:
      return WithClass(path.status(), RefusalClass::kNotYetValid);
    case crypto::TimeProblem::kExpired:
      return WithClass(path.status(), RefusalClass::kExpired);
    case crypto::TimeProblem::kNone:
      break;
  }
  return WithClass(path.status(), RefusalClass::kChain);
}

absl::Status VerifyCrl(const crypto::Crl& crl, const Certificate& issuer, int64_t now) {
  absl::Status status = crl.Verify(issuer, now);
  if (status.ok()) return status;
  if (!crl.IsFrom(issuer)) return WithClass(status, RefusalClass::kCrlIssuerMismatch);
  const bool time_alone = crypto::TimeProblemOf(status) != crypto::TimeProblem::kNone;
  return WithClass(status, time_alone ? RefusalClass::kCrlExpired : RefusalClass::kCrlSignature);
}

absl::Status CheckNotListed(const Certificate& certificate, const crypto::Crl& crl) {
  if (!crl.IsRevoked(certificate.serial())) return absl::OkStatus();
  return RefusedError(RefusalClass::kRevoked,
                      StrCat(certificate.subject_text(), " is revoked (serial ",
                             HexEncode(certificate.serial()), ")"));
}

absl::Status CheckNotRevoked(const Certificate& certificate, const Certificate& issuer,
                             const crypto::Crl& crl, int64_t now) {
  RETURN_IF_ERROR(VerifyCrl(crl, issuer, now));
  return CheckNotListed(certificate, crl);
}

}  // namespace nacre::tee
