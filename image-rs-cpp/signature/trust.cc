#include "image-rs-cpp/signature/trust.h"

#include <algorithm>
#include <optional>

#include "base/strings.h"
#include "image-rs-cpp/signature/openpgp.h"
#include "image-rs-cpp/signature/registry_signatures.h"
#include "image-rs-cpp/signature/simple_signing.h"

namespace nacre::image {
namespace {

constexpr size_t kMaxReasons = 8;

// One OpenPGP message: the signature first, then what it is for.
absl::Status VerifySignedBy(const SignedBy& wanted, const Bytes& message,
                            const ImageInQuestion& image) {
  ASSIGN_OR_RETURN(const Bytes text, VerifyOpenPgp(message, wanted.keyring));
  ASSIGN_OR_RETURN(const SimpleSigning payload, ParseSimpleSigning(text, kAtomicType));
  const auto& digests = image.digests;
  if (std::find(digests.begin(), digests.end(), payload.manifest_digest) == digests.end()) {
    return absl::PermissionDeniedError(StrCat("it is a signature of ", payload.manifest_digest));
  }
  return CheckSignedIdentity(wanted.identity, image.reference, payload.docker_reference);
}

// The requirements of one image, one after the other; signatures are looked up at most once.
class Examination {
 public:
  Examination(const ImageInQuestion& image, const Lookaside& lookaside, const Limits& limits,
              RegistryClient* registry)
      : image_(image), lookaside_(lookaside), limits_(limits), registry_(registry) {}

  absl::Status operator()(const InsecureAcceptAnything&) { return absl::OkStatus(); }
  absl::Status operator()(const Reject&) { return absl::PermissionDeniedError("it is rejected"); }

  absl::Status operator()(const SignedBy& wanted) {
    if (!openpgp_) openpgp_ = FindOpenPgpSignatures(image_, lookaside_, registry_);
    std::vector<std::string> reasons;
    for (const NamedMessage& item : openpgp_->messages) {
      const absl::Status status = VerifySignedBy(wanted, item.message, image_);
      if (status.ok()) return status;
      reasons.push_back(StrCat(item.name, ": ", Message(status)));
    }
    return Refuse("OpenPGP", *openpgp_, std::move(reasons));
  }

  absl::Status operator()(const SigstoreSigned& wanted) {
    if (!sigstore_) sigstore_ = FindSigstoreSignatures(image_, limits_, registry_);
    std::vector<std::string> reasons;
    for (const NamedSignature& item : sigstore_->signatures) {
      const absl::Status status = VerifySigstore(wanted, item.signature, image_);
      if (status.ok()) return status;
      reasons.push_back(StrCat(item.name, ": ", Message(status)));
    }
    return Refuse("Sigstore", *sigstore_, std::move(reasons));
  }

 private:
  static absl::Status Refuse(std::string_view kind, const FoundSignatures& found,
                             std::vector<std::string> reasons) {
    if (!found.unreachable.ok()) {
      return Annotate(found.unreachable, "signatures cannot be looked up");
    }
    reasons.insert(reasons.end(), found.problems.begin(), found.problems.end());
    if (reasons.empty()) {
      return absl::PermissionDeniedError(StrCat("it has no ", kind, " signature"));
    }
    if (reasons.size() > kMaxReasons) {
      const size_t more = reasons.size() - kMaxReasons;
      reasons.resize(kMaxReasons);
      reasons.push_back(StrCat("and ", more, " more"));
    }
    return absl::PermissionDeniedError(
        StrCat("no acceptable ", kind, " signature: ", StrJoin(reasons, "; ")));
  }

  const ImageInQuestion& image_;
  const Lookaside& lookaside_;
  const Limits& limits_;
  RegistryClient* const registry_;
  std::optional<FoundSignatures> sigstore_, openpgp_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const TrustPolicy>> TrustPolicy::Create(std::string_view policy_json,
                                                                       const Documents& documents,
                                                                       Lookaside lookaside) {
  ASSIGN_OR_RETURN(ImagePolicy policy, ParseImagePolicy(policy_json, documents));
  return std::shared_ptr<const TrustPolicy>(
      new TrustPolicy(std::move(policy), std::move(lookaside)));
}

std::shared_ptr<const TrustPolicy> TrustPolicy::AcceptAnything() {
  return std::shared_ptr<const TrustPolicy>(
      new TrustPolicy(ImagePolicy{.fallback = {InsecureAcceptAnything()}, .docker = {}}, {}));
}

absl::Status TrustPolicy::Check(const ImageInQuestion& image, const Limits& limits,
                                RegistryClient* registry) const {
  const ImagePolicy::Found found = policy_.Find(image.reference);
  const std::string scope = StrCat("image policy, scope '", found.scope, "'");
  if (found.requirements->empty()) {
    return absl::PermissionDeniedError(StrCat(scope, ": an empty list lets nothing through"));
  }
  Examination examination(image, lookaside_, limits, registry);
  for (size_t i = 0; i < found.requirements->size(); ++i) {
    RETURN_IF_ERROR(std::visit(examination, (*found.requirements)[i]),
                    StrCat(scope, ", requirement ", i));
  }
  return absl::OkStatus();
}

}  // namespace nacre::image
