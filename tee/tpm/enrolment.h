// How a verifier comes to trust an attestation key it has never seen: the TPM's endorsement key has
// a certificate of the TPM's maker, and a credential that only this TPM can open, and only if it
// also holds the attestation key, comes back open.
//
//   guest -> verifier: EK certificate, AK public area
//   verifier -> guest: challenge()
//   guest: TPM2_ActivateCredential
//   guest -> verifier: the opened secret, to Finish()
#pragma once

#include <cstdint>
#include <vector>

#include "base/secret_bytes.h"
#include "crypto/crl.h"
#include "crypto/x509.h"
#include "tee/tpm/credential.h"
#include "tee/tpm/public_area.h"
#include "tee/tpm/verify.h"

namespace nacre::tee::tpm {

// Whose endorsement keys are TPMs'. No root is built in: makers are many, and their lists change.
struct EkTrust {
  std::vector<crypto::Certificate> roots;
  std::vector<crypto::Certificate> intermediates;  // beside what a guest may send
  std::vector<crypto::Crl> crls;
  bool require_crls = false;
};

inline constexpr size_t kMaxEkCertificate = 8192;

// The endorsement key of a certificate (DER; TPMs pad their NV area, so 0x00 and 0xff may follow)
// that leads to a configured root at `now` and is for endorsement keys (extended key usage
// tcg-kp-EKCertificate). kUnauthenticated (class CHAIN, EXPIRED, NOT_YET_VALID, REVOKED or
// AK_BINDING), kInvalidArgument (class FORMAT).
absl::StatusOr<crypto::PublicKey> VerifyEkCertificate(ByteView certificate, const EkTrust& trust,
                                                      int64_t now);

// One exchange. Its challenge is good for one answer.
class AkEnrolment {
 public:
  // As VerifyEkCertificate(); class KEY_TYPE for a key that is not an attestation key, class
  // FORMAT or UNSUPPORTED for a public area (TPMT_PUBLIC) that is none.
  static absl::StatusOr<AkEnrolment> Begin(ByteView ek_certificate, ByteView ak_public,
                                           const EkTrust& trust, int64_t now);
  const Credential& challenge() const { return challenge_; }
  // kUnauthenticated (class AK_BINDING) when `answer` is not the secret.
  absl::StatusOr<TrustedAk> Finish(ByteView answer) &&;

 private:
  AkEnrolment(TrustedAk ak, SecretBytes secret, Credential challenge)
      : ak_(std::move(ak)), secret_(std::move(secret)), challenge_(std::move(challenge)) {}
  TrustedAk ak_;
  SecretBytes secret_;
  Credential challenge_;
};

}  // namespace nacre::tee::tpm
