// Reads manifests and blobs from a registry (OCI distribution spec 1.1, sections "Pulling"),
// anonymously: with the token a registry gives to anybody, never with a password. Redirects are
// followed with the token left behind as soon as the origin changes. Plain http is spoken only with
// registries the owner has listed.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/registry/digest.h"
#include "image-rs-cpp/registry/manifest.h"
#include "image-rs-cpp/registry/reference.h"
#include "net/http_client.h"
#include "net/url.h"

namespace nacre::image {

struct RegistryOptions {
  // "host" or "host:port" exactly as in image references: these are spoken to over plain http.
  std::vector<std::string> insecure_registries;
  // PEM roots for https instead of the system's.
  std::string trusted_ca_pem;
  int64_t connect_timeout_ms = 10'000;
  int64_t idle_timeout_ms = 30'000;  // longest silence during a download
};

// A manifest or index as it came, with its digest already checked when the reference had one.
struct RegistryDocument {
  std::string text;
  std::string content_type;
  BlobDigest digest;
};

// Thread-safe.
class RegistryClient {
 public:
  static absl::StatusOr<std::unique_ptr<RegistryClient>> Create(const RegistryOptions& options,
                                                                const Limits& limits);

  // `target` is a tag or a digest. kNotFound when the registry has no such thing,
  // kUnauthenticated / kPermissionDenied when it wants more than an anonymous token,
  // kResourceExhausted past max_manifest_size, kDataLoss for another digest; the net client's
  // errors else. All name the registry.
  absl::StatusOr<RegistryDocument> GetManifest(const ImageReference& image,
                                               const std::string& target);

  // The index of what refers to `digest` (a digest of this repository): the registry's own list, or
  // the one kept under the tag "sha256-<hex>" where the registry knows no such lists. Errors as
  // GetManifest; kNotFound when there is neither.
  absl::StatusOr<std::string> GetReferrers(const ImageReference& image, const std::string& digest);

  // Streams a blob. The caller checks size and digest as the bytes come; the server is not asked to
  // be honest.
  using OnBytes = std::function<absl::Status(ByteView)>;
  absl::Status GetBlob(const ImageReference& image, const Descriptor& blob,
                       const OnBytes& on_bytes);

  // A small blob whole, with size and digest checked.
  absl::StatusOr<std::string> GetBlobText(const ImageReference& image, const Descriptor& blob);

 private:
  RegistryClient(const RegistryOptions& options, const Limits& limits,
                 std::unique_ptr<net::HttpClient> http)
      : insecure_(options.insecure_registries), limits_(limits), http_(std::move(http)) {}

  struct Fetch {
    const ImageReference* image;
    std::string path;    // "/v2/<repository>/..."
    std::string accept;  // may be empty
    const OnBytes* on_bytes;
  };
  absl::StatusOr<net::HttpResponse> Get(const Fetch& fetch);
  absl::StatusOr<RegistryDocument> GetDocument(const ImageReference& image, std::string path,
                                               std::string accept, const std::string& what);
  absl::StatusOr<net::HttpResponse> FollowRedirects(const Fetch& fetch, net::Url url,
                                                    const std::string& token);
  absl::StatusOr<std::string> AskForToken(const ImageReference& image, std::string_view header);
  absl::Status CheckAllowed(const net::Url& url) const;
  bool IsInsecure(const std::string& host_port) const;

  const std::vector<std::string> insecure_;
  const Limits limits_;
  const std::unique_ptr<net::HttpClient> http_;
  std::mutex mutex_;
  std::map<std::string, std::string> tokens_;  // by "<registry>/<repository>"
};

}  // namespace nacre::image
