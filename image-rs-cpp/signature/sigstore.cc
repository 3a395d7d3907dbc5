#include "image-rs-cpp/signature/sigstore.h"

#include <algorithm>

#include "base/strings.h"
#include "image-rs-cpp/signature/bundle.h"
#include "image-rs-cpp/signature/fulcio.h"
#include "image-rs-cpp/signature/rekor.h"
#include "image-rs-cpp/signature/simple_signing.h"

namespace nacre::image {
namespace {

using crypto::HashAlgorithm;

// Signers hash with SHA-256 whatever the curve, or with the hash of the curve's own strength.
bool IsBy(const crypto::PublicKey& key, const SigstoreSignature& signature) {
  const ByteView message = signature.signed_bytes;
  if (key.kind() == crypto::KeyKind::kRsa) {
    return key.VerifyRsaPkcs1(HashAlgorithm::kSha256, message, signature.signature).ok() ||
           key.VerifyRsaPss(HashAlgorithm::kSha256, message, signature.signature).ok();
  }
  const absl::StatusOr<crypto::Curve> curve = key.curve();
  const HashAlgorithm own = !curve.ok() || *curve == crypto::Curve::kP256 ? HashAlgorithm::kSha256
                            : *curve == crypto::Curve::kP384              ? HashAlgorithm::kSha384
                                                                          : HashAlgorithm::kSha512;
  return key.VerifyEcdsaDer(HashAlgorithm::kSha256, message, signature.signature).ok() ||
         key.VerifyEcdsaDer(own, message, signature.signature).ok();
}

absl::StatusOr<crypto::PublicKey> FindSigner(const SigstoreSigned& wanted,
                                             const SigstoreSignature& signature) {
  if (wanted.fulcio) {
    if (signature.certificates.empty()) {
      return absl::UnauthenticatedError("it has no certificate, and one is required");
    }
    ASSIGN_OR_RETURN(crypto::PublicKey key, signature.certificates.front().public_key());
    if (IsBy(key, signature)) return key;
    return absl::UnauthenticatedError("it is not by its certificate's key");
  }
  for (const crypto::PublicKey& key : wanted.keys) {
    if (IsBy(key, signature)) return key;
  }
  return absl::UnauthenticatedError("it is by none of the keys of the policy");
}

absl::Status CheckLog(const SigstoreSigned& wanted, const SigstoreSignature& signature,
                      const crypto::PublicKey& key) {
  if (wanted.rekor_keys.empty()) return absl::OkStatus();
  if (!signature.log_entry) {
    return absl::UnauthenticatedError("it has no log entry, and one is required");
  }
  const LogEntry& entry = *signature.log_entry;
  RETURN_IF_ERROR(VerifyLogEntry(entry, wanted.rekor_keys));
  RETURN_IF_ERROR(CheckLogEntryIsAbout(entry, signature, key));
  if (!wanted.fulcio) return absl::OkStatus();
  if (entry.promise.empty()) {
    return absl::UnauthenticatedError("log entry: nobody vouches for its time");
  }
  return CheckSigningCertificate(signature.certificates, *wanted.fulcio, entry.integrated_time);
}

bool IsOfImage(const std::string& digest, const ImageInQuestion& image) {
  return std::find(image.digests.begin(), image.digests.end(), digest) != image.digests.end();
}

absl::Status OtherImage(const std::string& digest) {
  return absl::PermissionDeniedError(StrCat("it is a signature of ", digest));
}

SignedIdentity IdentityFor(const SigstoreSigned& wanted) {
  // cosign writes the repository alone, so nothing nearer can be asked for by default.
  return wanted.identity.value_or(SignedIdentity{.match = SignedIdentity::Match::kRepository});
}

absl::Status CheckPayload(const SigstoreSigned& wanted, const SigstoreSignature& signature,
                          const ImageInQuestion& image) {
  ASSIGN_OR_RETURN(const SimpleSigning payload, ParseSimpleSigning(signature.payload, kCosignType));
  if (!IsOfImage(payload.manifest_digest, image)) return OtherImage(payload.manifest_digest);
  return CheckSignedIdentity(IdentityFor(wanted), image.reference, payload.docker_reference);
}

absl::Status CheckStatement(const SigstoreSigned& wanted, const SigstoreSignature& signature,
                            const ImageInQuestion& image) {
  ASSIGN_OR_RETURN(const std::vector<SignedSubject> subjects, ReadSignStatement(signature.payload));
  absl::Status reason = OtherImage(subjects.front().digest);
  for (const SignedSubject& subject : subjects) {
    if (!IsOfImage(subject.digest, image)) continue;
    // Statements name images by digest. The same bytes under another name are the same image,
    // unless the owner asks for a name.
    if (subject.name.empty() && !wanted.identity) return absl::OkStatus();
    if (subject.name.empty()) {
      reason = absl::PermissionDeniedError("it names no repository, and the policy asks for one");
      continue;
    }
    reason = CheckSignedIdentity(IdentityFor(wanted), image.reference, subject.name);
    if (reason.ok()) break;
  }
  return reason;
}

}  // namespace

absl::Status VerifySigstore(const SigstoreSigned& wanted, const SigstoreSignature& signature,
                            const ImageInQuestion& image) {
  ASSIGN_OR_RETURN(const crypto::PublicKey key, FindSigner(wanted, signature));
  RETURN_IF_ERROR(CheckLog(wanted, signature, key));
  if (signature.form == SigstoreSignature::Form::kStatement) {
    return CheckStatement(wanted, signature, image);
  }
  return CheckPayload(wanted, signature, image);
}

}  // namespace nacre::image
