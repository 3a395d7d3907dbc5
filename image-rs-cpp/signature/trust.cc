#include "image-rs-cpp/signature/trust.h"

#include <optional>

#include "base/strings.h"
#include "image-rs-cpp/signature/registry_signatures.h"

namespace nacre::image {
namespace {

constexpr size_t kMaxReasons = 8;

// The requirements of one image, one after the other; signatures are looked up at most once.
class Examination {
 public:
  Examination(const ImageInQuestion& image, const Limits& limits, RegistryClient* registry)
      : image_(image), limits_(limits), registry_(registry) {}

  absl::Status operator()(const InsecureAcceptAnything&) { return absl::OkStatus(); }
  absl::Status operator()(const Reject&) { return absl::PermissionDeniedError("it is rejected"); }
  absl::Status operator()(const SignedBy&) {
    return absl::UnimplementedError("OpenPGP signatures cannot be checked");
  }

  absl::Status operator()(const SigstoreSigned& wanted) {
    if (!found_) found_ = FindSigstoreSignatures(image_, limits_, registry_);
    std::vector<std::string> reasons;
    for (const NamedSignature& item : found_->signatures) {
      const absl::Status status = VerifySigstore(wanted, item.signature, image_);
      if (status.ok()) return status;
      reasons.push_back(StrCat(item.name, ": ", Message(status)));
    }
    reasons.insert(reasons.end(), found_->problems.begin(), found_->problems.end());
    if (!found_->unreachable.ok()) {
      return Annotate(found_->unreachable, "signatures cannot be looked up");
    }
    if (reasons.empty()) return absl::PermissionDeniedError("it has no Sigstore signature");
    if (reasons.size() > kMaxReasons) {
      const size_t more = reasons.size() - kMaxReasons;
      reasons.resize(kMaxReasons);
      reasons.push_back(StrCat("and ", more, " more"));
    }
    return absl::PermissionDeniedError(
        StrCat("no acceptable Sigstore signature: ", StrJoin(reasons, "; ")));
  }

 private:
  const ImageInQuestion& image_;
  const Limits& limits_;
  RegistryClient* const registry_;
  std::optional<FoundSignatures> found_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const TrustPolicy>> TrustPolicy::Create(std::string_view policy_json,
                                                                       const Documents& documents) {
  ASSIGN_OR_RETURN(ImagePolicy policy, ParseImagePolicy(policy_json, documents));
  return std::shared_ptr<const TrustPolicy>(new TrustPolicy(std::move(policy)));
}

std::shared_ptr<const TrustPolicy> TrustPolicy::AcceptAnything() {
  return std::shared_ptr<const TrustPolicy>(
      new TrustPolicy(ImagePolicy{.fallback = {InsecureAcceptAnything()}, .docker = {}}));
}

absl::Status TrustPolicy::Check(const ImageInQuestion& image, const Limits& limits,
                                RegistryClient* registry) const {
  const ImagePolicy::Found found = policy_.Find(image.reference);
  const std::string scope = StrCat("image policy, scope '", found.scope, "'");
  if (found.requirements->empty()) {
    return absl::PermissionDeniedError(StrCat(scope, ": an empty list lets nothing through"));
  }
  Examination examination(image, limits, registry);
  for (size_t i = 0; i < found.requirements->size(); ++i) {
    RETURN_IF_ERROR(std::visit(examination, (*found.requirements)[i]),
                    StrCat(scope, ", requirement ", i));
  }
  return absl::OkStatus();
}

}  // namespace nacre::image
