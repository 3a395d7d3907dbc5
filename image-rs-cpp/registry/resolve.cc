#include "image-rs-cpp/registry/resolve.h"

#include <set>

#include "base/strings.h"

namespace nacre::image {
namespace {

class Walk {
 public:
  Walk(const ImageReference& reference, const ResolveOptions& options, const Limits& limits,
       RegistryClient* registry)
      : reference_(reference), options_(options), limits_(limits), registry_(registry) {}

  absl::StatusOr<ResolvedImage> Run() {
    ASSIGN_OR_RETURN(const RegistryDocument document,
                     registry_->GetManifest(reference_, reference_.Target()));
    const std::string& digest = document.digest.text();
    if (!options_.expected_digest.empty() && options_.expected_digest != digest) {
      return absl::DataLossError(
          StrCat("digest is ", digest, ", expected ", options_.expected_digest));
    }
    ASSIGN_OR_RETURN(ResolvedImage image, Follow(document, 0));
    image.reference_digest = digest;
    return image;
  }

 private:
  absl::StatusOr<ResolvedImage> Follow(const RegistryDocument& document, uint32_t depth) {
    if (!seen_.insert(document.digest.text()).second) {
      return absl::InvalidArgumentError("index: leads back to itself");
    }
    ASSIGN_OR_RETURN(const DocumentKind kind,
                     ClassifyDocument(document.text, document.content_type, limits_));
    if (kind == DocumentKind::kManifest) {
      ASSIGN_OR_RETURN(Manifest manifest, ParseManifest(document.text, limits_));
      return ResolvedImage{"", document.digest.text(), std::move(manifest)};
    }
    if (depth == limits_.max_index_depth) {
      return absl::ResourceExhaustedError(
          StrCat("index: more than ", limits_.max_index_depth, " indexes in one another"));
    }
    ASSIGN_OR_RETURN(const Index index, ParseIndex(document.text, limits_));
    absl::StatusOr<Descriptor> chosen = SelectPlatform(index, options_.platform);
    if (chosen.ok()) return Enter(*chosen, depth, DocumentKind::kManifest);
    absl::Status reason = chosen.status();
    for (const Descriptor& nested : NestedIndexes(index)) {
      absl::StatusOr<ResolvedImage> image = Enter(nested, depth, DocumentKind::kIndex);
      if (!absl::IsNotFound(image.status())) return image;
      reason = image.status();
    }
    return reason;
  }

  absl::StatusOr<ResolvedImage> Enter(const Descriptor& entry, uint32_t depth, DocumentKind kind) {
    if (++documents_ > limits_.max_index_documents) {
      return absl::ResourceExhaustedError(
          StrCat("index: more than ", limits_.max_index_documents, " documents to one manifest"));
    }
    ASSIGN_OR_RETURN(const RegistryDocument document,
                     registry_->GetManifest(reference_, entry.digest.text()));
    if (document.text.size() != entry.size) {
      return absl::DataLossError(StrCat("manifest ", entry.digest.text(), ": has ",
                                        document.text.size(), " bytes, the index names ",
                                        entry.size));
    }
    ASSIGN_OR_RETURN(const DocumentKind is,
                     ClassifyDocument(document.text, document.content_type, limits_));
    if (is != kind) {
      return absl::InvalidArgumentError(StrCat("index: entry ", entry.digest.text(),
                                               " is not of the media type the index names"));
    }
    return Follow(document, depth + 1);
  }

  const ImageReference& reference_;
  const ResolveOptions& options_;
  const Limits& limits_;
  RegistryClient* const registry_;
  std::set<std::string> seen_;
  uint32_t documents_ = 0;
};

}  // namespace

absl::StatusOr<ResolvedImage> ResolveImage(const ImageReference& reference,
                                           const ResolveOptions& options, const Limits& limits,
                                           RegistryClient* registry) {
  return Walk(reference, options, limits, registry).Run();
}

}  // namespace nacre::image
