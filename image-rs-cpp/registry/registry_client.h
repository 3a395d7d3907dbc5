// Reads manifests and blobs from registries (OCI distribution spec 1.1, sections "Pulling" and
// "Listing Referrers"), from the first of an image's places that has them: the owner's mirrors,
// then the registry itself (registries_conf.h). Puts signatures beside images for the owner.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/registry/blob_source.h"
#include "image-rs-cpp/registry/digest.h"
#include "image-rs-cpp/registry/manifest.h"
#include "image-rs-cpp/registry/reference.h"
#include "image-rs-cpp/registry/registry_session.h"

namespace nacre::image {

// A manifest or index as it came, with its digest already checked when the reference had one.
struct RegistryDocument {
  std::string text;
  std::string content_type;
  BlobDigest digest;
};

// Thread-safe.
class RegistryClient : public BlobSource {
 public:
  static absl::StatusOr<std::unique_ptr<RegistryClient>> Create(const RegistryOptions& options,
                                                                const Limits& limits);

  // `target` is a tag or a digest. kNotFound when the registry has no such thing,
  // kUnauthenticated / kPermissionDenied when it wants more than we have, kResourceExhausted past
  // max_manifest_size, kDataLoss for another digest than asked for or than the answer's own header
  // states; the net client's errors else. All name the registry; when several places were asked,
  // the last one's code and every place's reason.
  absl::StatusOr<RegistryDocument> GetManifest(const ImageReference& image,
                                               const std::string& target);

  // The index of what refers to `digest` (a digest of this repository): the registry's own list, or
  // the one kept under the tag "sha256-<hex>" where the registry knows no such lists. Errors as
  // GetManifest; kNotFound when there is neither.
  absl::StatusOr<std::string> GetReferrers(const ImageReference& image, const std::string& digest);

  // Signatures that a registry of the "signature extension" keeps (X-Registry-Supports-Signatures):
  // the JSON list for a manifest. kNotFound when the registry does not have that extension.
  absl::StatusOr<std::string> GetExtensionSignatures(const ImageReference& image,
                                                     const std::string& digest);

  // A small file of a web server (a lookaside store), by the same rules for proxies, roots and
  // plain http; at most `max_size` bytes. kNotFound as the server says.
  absl::StatusOr<std::string> GetFile(const std::string& url, uint64_t max_size);

  // BlobSource: a blob from `offset` on, by a range request, or by passing over what is before it
  // where the server knows no ranges. The caller checks size and digest as the bytes come; the
  // server is not asked to be honest.
  std::string_view name() const override { return "registry"; }
  absl::Status Read(const ImageReference& image, const Descriptor& blob, uint64_t offset,
                    const OnBytes& on_bytes) override;
  absl::Status GetBlob(const ImageReference& image, const Descriptor& blob,
                       const OnBytes& on_bytes) {
    return Read(image, blob, 0, on_bytes);
  }

  // A small blob whole, with size and digest checked.
  absl::StatusOr<std::string> GetBlobText(const ImageReference& image, const Descriptor& blob);

  // The owner's desk: what follows goes to the registry itself, never a mirror. Guests only read.

  // Streams a blob into the repository: `produce` writes it piece by piece into the sink it is
  // given (blob_upload.h), and is called again when the registry has lost what it had. The digest
  // is sha256's; media type and annotations are empty.
  using Sink = absl::FunctionRef<absl::Status(ByteView)>;
  using Producer = absl::FunctionRef<absl::Status(Sink write)>;
  absl::StatusOr<Descriptor> AddBlob(const ImageReference& image, Producer produce);
  // The repository has the blob, or has now got it from `other` of the same registry
  // ("host:port/repository"; empty: none). False also when the registry does not say.
  bool HasBlob(const ImageReference& image, const BlobDigest& blob, const std::string& other = "");
  // Under a tag, or the manifest's digest.
  absl::Status PutManifest(const ImageReference& image, const std::string& manifest,
                           std::string_view media_type, const std::string& tag);
  // Small blobs and an OCI manifest that names them.
  absl::Status Push(const ImageReference& image, const std::vector<std::string>& blobs,
                    const std::string& manifest, const std::string& tag);

 private:
  RegistryClient(const RegistryOptions& options, const Limits& limits,
                 std::unique_ptr<RegistrySession> session)
      : registries_(options.registries), limits_(limits), session_(std::move(session)) {}

  absl::StatusOr<RegistryDocument> GetDocument(const ImageReference& image, std::string_view path,
                                               const std::string& accept, const std::string& what);
  absl::StatusOr<RegistryDocument> GetDocumentFrom(const Endpoint& endpoint, std::string_view path,
                                                   const std::string& accept);
  absl::Status ReadFrom(const Endpoint& endpoint, const Descriptor& blob, uint64_t offset,
                        const OnBytes& on_bytes);
  absl::StatusOr<Endpoint> OwnPlace(const ImageReference& image) const;

  const RegistriesConf registries_;
  const Limits limits_;
  const std::unique_ptr<RegistrySession> session_;
};

}  // namespace nacre::image
