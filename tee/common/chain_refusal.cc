// OpenSSL names one error of a path. Whether time alone is to blame is asked directly: does the
// same path hold at a moment when every certificate presented is valid?

#include "tee/common/chain_refusal.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::tee {

using crypto::Certificate;

namespace {

// The class of a path to this one root when only the time is wrong, kChain otherwise.
RefusalClass ClassFor(const Certificate& leaf, const Certificate& root,
                      const crypto::ChainOptions& options) {
  int64_t from = std::max(leaf.not_before(), root.not_before());
  int64_t until = std::min(leaf.not_after(), root.not_after());
  for (const Certificate& certificate : options.intermediates) {
    from = std::max(from, certificate.not_before());
    until = std::min(until, certificate.not_after());
  }
  if (from > until || (options.time >= from && options.time <= until)) return RefusalClass::kChain;
  crypto::ChainOptions at_another_time = options;
  at_another_time.roots = {root};
  at_another_time.time = from;
  if (!crypto::VerifyChain(leaf, at_another_time).ok()) return RefusalClass::kChain;
  return options.time < from ? RefusalClass::kNotYetValid : RefusalClass::kExpired;
}

}  // namespace

absl::StatusOr<std::vector<Certificate>> VerifyChainClassed(const Certificate& leaf,
                                                            const crypto::ChainOptions& options) {
  auto path = crypto::VerifyChain(leaf, options);
  if (path.ok()) return path;
  for (const Certificate& root : options.roots) {
    const RefusalClass found = ClassFor(leaf, root, options);
    if (found != RefusalClass::kChain) return WithClass(path.status(), found);
  }
  return WithClass(path.status(), RefusalClass::kChain);
}

absl::Status VerifyCrl(const crypto::Crl& crl, const Certificate& issuer, int64_t now) {
  absl::Status status = crl.Verify(issuer, now);
  if (status.ok()) return status;
  if (!crl.IsFrom(issuer)) return WithClass(status, RefusalClass::kCrlIssuerMismatch);
  const auto next = crl.next_update();
  const bool out_of_time = !next || now < crl.this_update() || now >= *next;
  if (out_of_time && next && crl.Verify(issuer, crl.this_update()).ok()) {
    return WithClass(status, RefusalClass::kCrlExpired);
  }
  return WithClass(status, next ? RefusalClass::kCrlSignature : RefusalClass::kCrlExpired);
}

absl::Status CheckNotRevoked(const Certificate& certificate, const Certificate& issuer,
                             const crypto::Crl& crl, int64_t now) {
  RETURN_IF_ERROR(VerifyCrl(crl, issuer, now));
  if (!crl.IsRevoked(certificate.serial())) return absl::OkStatus();
  return RefusedError(RefusalClass::kRevoked,
                      StrCat(certificate.subject_text(), " is revoked (serial ",
                             HexEncode(certificate.serial()), ")"));
}

}  // namespace nacre::tee
