#include "attestation/broker/reference_signers.h"

#include "attestation/reference/signed_reference.h"
#include "base/file.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

constexpr size_t kMaxKeyFile = 1 << 20;

}  // namespace

absl::StatusOr<ReferenceSigners> ReferenceSigners::Open(const BrokerConfig& config) {
  ReferenceSigners out;
  out.required_ = config.reference_signature_required;
  for (const ReferenceSigner& signer : config.reference_signers) {
    const std::string where = StrCat("[reference.signers.", signer.name, "] keys");
    ASSIGN_OR_RETURN(const std::string text, ReadTextFile(signer.keys, kMaxKeyFile), where);
    ASSIGN_OR_RETURN(KeySet keys, KeySet::Parse(text), where);
    out.signers_.push_back({signer.name, std::move(keys)});
  }
  return out;
}

absl::StatusOr<SourcedDocument> ReferenceSigners::Verify(std::string_view jws, int64_t now) const {
  if (signers_.empty()) {
    return absl::UnauthenticatedError(
        "the document is signed, and no [reference.signers] of kbs.toml says whose signature "
        "counts");
  }
  std::string why;
  for (const Signer& signer : signers_) {
    auto verified = signer.keys.VerifyDocument(jws, kReferenceJwsType, now);
    if (verified.ok()) {
      return SourcedDocument{std::string(AsText(verified->payload)),
                             StrCat(signer.name, "/", verified->key_thumbprint), std::string(jws)};
    }
    StrAppend(&why, why.empty() ? "" : "; ", "not ", signer.name,
              "'s: ", Message(verified.status()));
  }
  return absl::UnauthenticatedError(StrCat("the signature is of no configured signer: ", why));
}

absl::StatusOr<SourcedDocument> ReferenceSigners::Read(std::string_view upload, int64_t now) const {
  if (IsSignedReference(upload)) return Verify(StripSpace(upload), now);
  if (!required_) return SourcedDocument{std::string(upload), "", ""};
  return absl::UnauthenticatedError(
      "the document is not signed, and [reference] require_signature of kbs.toml demands it");
}

}  // namespace nacre::attestation
