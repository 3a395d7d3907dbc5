#include "image-rs-cpp/signature/registry_signatures.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/registry/artifact.h"
#include "image-rs-cpp/signature/bundle.h"
#include "image-rs-cpp/signature/cosign.h"
#include "image-rs-cpp/signature/openpgp.h"
#include "image-rs-cpp/signature/simple_signing.h"

namespace nacre::image {
namespace {

// Signatures and referring artifacts looked at per image. The registry chooses how many it names.
constexpr size_t kMaxSignatures = 64;
constexpr size_t kMaxArtifacts = 32;

void Note(const std::string& name, const absl::Status& status, FoundSignatures* found) {
  if (status.ok() || absl::IsNotFound(status)) return;
  found->problems.push_back(StrCat(name, ": ", Message(status)));
  const bool network = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
  if (network && found->unreachable.ok()) found->unreachable = status;
}

class Search {
 public:
  Search(const ImageInQuestion& image, const Limits& limits, RegistryClient* registry)
      : image_(image), limits_(limits), registry_(registry) {}

  FoundSignatures Run() && {
    for (const std::string& digest : image_.digests) {
      const std::string tag = CosignTag(digest);
      Note(tag, ReadCosignArtifact(tag, tag));
      Note(StrCat("referrers of ", digest), ReadReferrers(digest));
    }
    return std::move(found_);
  }

 private:
  void Note(const std::string& name, const absl::Status& status) {
    image::Note(name, status, &found_);
  }

  bool Full() const { return found_.signatures.size() >= kMaxSignatures; }

  void Add(const std::string& name, absl::StatusOr<SigstoreSignature> signature) {
    Note(name, signature.status());
    if (signature.ok() && !Full()) found_.signatures.push_back({name, *std::move(signature)});
  }

  absl::StatusOr<Bytes> ReadBlob(const Descriptor& blob, uint64_t max_size) {
    if (blob.size > max_size) {
      return absl::ResourceExhaustedError(
          StrCat("is ", blob.size, " bytes, allowed are ", max_size));
    }
    ASSIGN_OR_RETURN(const std::string text, registry_->GetBlobText(image_.reference, blob));
    return ToBytes(text);
  }

  absl::StatusOr<SigstoreSignature> ReadLayer(const Descriptor& layer) {
    if (layer.media_type == kSimpleSigningMediaType) {
      ASSIGN_OR_RETURN(Bytes payload, ReadBlob(layer, kMaxSimpleSigning));
      return ReadCosignLayer(layer.annotations, std::move(payload));
    }
    if (IsBundleMediaType(layer.media_type)) {
      ASSIGN_OR_RETURN(const Bytes bundle, ReadBlob(layer, kMaxBundle));
      return ParseBundle(AsText(bundle));
    }
    return absl::UnimplementedError(
        StrCat("media type '", Printable(layer.media_type, 100), "' is no signature"));
  }

  // The artifact under a tag or digest.
  absl::Status ReadCosignArtifact(const std::string& name, const std::string& target) {
    ASSIGN_OR_RETURN(const RegistryDocument document,
                     registry_->GetManifest(image_.reference, target));
    ASSIGN_OR_RETURN(const Artifact artifact, ParseArtifact(document.text, limits_));
    for (size_t i = 0; i < artifact.layers.size() && !Full(); ++i) {
      Add(StrCat(name, " layer ", i), ReadLayer(artifact.layers[i]));
    }
    return absl::OkStatus();
  }

  absl::Status ReadReferrers(const std::string& digest) {
    ASSIGN_OR_RETURN(const std::string text, registry_->GetReferrers(image_.reference, digest));
    ASSIGN_OR_RETURN(const std::vector<Referrer> referrers, ParseReferrers(text, limits_));
    for (const Referrer& referrer : referrers) {
      if (!IsBundleMediaType(referrer.type) && referrer.type != kCosignArtifactType) continue;
      if (artifacts_++ >= kMaxArtifacts) {
        return absl::ResourceExhaustedError(
            StrCat("more than ", kMaxArtifacts, " signatures; the rest is not looked at"));
      }
      const std::string& name = referrer.descriptor.digest.text();
      Note(name, ReadCosignArtifact(name, name));
    }
    return absl::OkStatus();
  }

  const ImageInQuestion& image_;
  const Limits& limits_;
  RegistryClient* const registry_;
  size_t artifacts_ = 0;
  FoundSignatures found_;
};

// The files are numbered from 1 on; the first that is missing ends them.
absl::Status ReadLookaside(const std::string& url, RegistryClient* registry,
                           FoundSignatures* found) {
  for (size_t number = 1; number <= kMaxArtifacts; ++number) {
    absl::StatusOr<std::string> file = registry->GetFile(StrCat(url, number), kMaxOpenPgpMessage);
    if (absl::IsNotFound(file.status())) return absl::OkStatus();
    RETURN_IF_ERROR(file.status());
    found->messages.push_back({StrCat("lookaside signature-", number), ToBytes(*file)});
  }
  return absl::OkStatus();
}

// {"signatures": [{"schemaVersion": 2, "name": "<digest>@<name>", "type": "atomic",
//                  "content": base64}]}
absl::Status ReadExtension(const ImageInQuestion& image, const std::string& digest,
                           RegistryClient* registry, FoundSignatures* found) {
  ASSIGN_OR_RETURN(const std::string text,
                   registry->GetExtensionSignatures(image.reference, digest));
  ASSIGN_OR_RETURN(const Json list, ParseJson(text, {.max_size = 16 << 20, .max_depth = 8}));
  if (!list.is_object()) return absl::InvalidArgumentError("not an object");
  ASSIGN_OR_RETURN(const Json* signatures, JsonArray(list, "signatures", "list"));
  for (size_t i = 0; i < std::min(signatures->size(), kMaxArtifacts); ++i) {
    const Json& item = (*signatures)[i];
    if (!item.is_object()) return absl::InvalidArgumentError("a signature is not an object");
    ASSIGN_OR_RETURN(const std::string type, JsonString(item, "type", "signature"));
    if (type != "atomic") continue;
    ASSIGN_OR_RETURN(const std::string content, JsonString(item, "content", "signature"));
    ASSIGN_OR_RETURN(Bytes message, Base64Decode(content), "signature");
    found->messages.push_back({StrCat("registry's signature ", i), std::move(message)});
  }
  return absl::OkStatus();
}

}  // namespace

FoundSignatures FindOpenPgpSignatures(const ImageInQuestion& image, const Lookaside& lookaside,
                                      RegistryClient* registry) {
  FoundSignatures found;
  for (const std::string& digest : image.digests) {
    const std::string url = lookaside.UrlFor(image.reference, digest);
    if (!url.empty()) Note("lookaside", ReadLookaside(url, registry, &found), &found);
    Note("registry", ReadExtension(image, digest, registry, &found), &found);
  }
  return found;
}

FoundSignatures FindSigstoreSignatures(const ImageInQuestion& image, const Limits& limits,
                                       RegistryClient* registry) {
  return Search(image, limits, registry).Run();
}

}  // namespace nacre::image
