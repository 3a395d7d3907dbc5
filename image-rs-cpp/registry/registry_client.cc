#include "image-rs-cpp/registry/registry_client.h"

#include <algorithm>

#include "base/strings.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/registry/auth_challenge.h"

namespace nacre::image {
namespace {

constexpr int kMaxRedirects = 5;

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string Key(const ImageReference& image) {
  return StrCat(image.registry, "/", image.repository);
}

// The answer of a server that did not give what was asked for.
absl::Status Refusal(const net::HttpResponse& response, std::string_view what) {
  const std::string message =
      StrCat(what, ": the registry answers ", response.status, response.body.empty() ? "" : ": ",
             Printable(response.body, 200));
  switch (response.status) {
    case 401:
      return absl::UnauthenticatedError(message);
    case 403:
      return absl::PermissionDeniedError(message);
    case 404:
      return absl::NotFoundError(message);
    default:
      if (response.status == 429 || response.status >= 500) return absl::UnavailableError(message);
      return absl::InternalError(message);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<RegistryClient>> RegistryClient::Create(
    const RegistryOptions& options, const Limits& limits) {
  net::HttpClientOptions http;
  http.trusted_ca_pem = options.trusted_ca_pem;
  http.allow_tls_1_2 = true;  // public registries and their blob stores; digests guard the content
  http.connect_timeout_ms = options.connect_timeout_ms;
  http.idle_timeout_ms = options.idle_timeout_ms;
  http.total_timeout_ms = 0;
  http.max_streamed_body = std::max(limits.max_layer_size, limits.max_manifest_size);
  ASSIGN_OR_RETURN(std::unique_ptr<net::HttpClient> client, net::HttpClient::Create(http),
                   "registry client");
  return std::unique_ptr<RegistryClient>(new RegistryClient(options, limits, std::move(client)));
}

bool RegistryClient::IsInsecure(const std::string& host_port) const {
  return std::find(insecure_.begin(), insecure_.end(), host_port) != insecure_.end();
}

// http only to those listed; a listing without a port means port 80.
absl::Status RegistryClient::CheckAllowed(const net::Url& url) const {
  if (url.tls() || IsInsecure(url.HostPort()) || IsInsecure(url.Authority())) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(StrCat("plain http to ", url.HostPort(),
                                            " is not allowed: it is not in insecure_registries"));
}

absl::StatusOr<net::HttpResponse> RegistryClient::FollowRedirects(const Fetch& fetch, net::Url url,
                                                                  const std::string& token) {
  const std::string origin = url.Origin();
  for (int hops = 0; hops <= kMaxRedirects; ++hops) {
    RETURN_IF_ERROR(CheckAllowed(url));
    net::HttpRequest request;
    request.url = url.ToString();
    if (!fetch.accept.empty()) request.headers.emplace_back("Accept", fetch.accept);
    // The token is the registry's alone; its blob store gets none.
    if (!token.empty() && url.Origin() == origin) {
      request.headers.emplace_back("Authorization", StrCat("Bearer ", token));
    }
    ASSIGN_OR_RETURN(net::HttpResponse response, http_->SendStreaming(request, *fetch.on_bytes));
    if (!IsRedirect(response.status)) return response;
    const std::string_view location = response.Header("Location");
    if (location.empty()) {
      return absl::InvalidArgumentError(StrCat(url.HostPort(), ": a redirect to nowhere"));
    }
    ASSIGN_OR_RETURN(url, net::ResolveUrl(url, location), StrCat(url.HostPort(), ": redirect"));
  }
  return absl::ResourceExhaustedError(StrCat(origin, ": more than ", kMaxRedirects, " redirects"));
}

absl::StatusOr<net::HttpResponse> RegistryClient::Get(const Fetch& fetch) {
  const std::string host = fetch.image->ApiHost();
  const bool insecure = IsInsecure(fetch.image->registry);
  ASSIGN_OR_RETURN(net::Url url,
                   net::ParseUrl(StrCat(insecure ? "http://" : "https://", host, fetch.path)));
  std::string token;
  {
    std::lock_guard lock(mutex_);
    auto found = tokens_.find(Key(*fetch.image));
    if (found != tokens_.end()) token = found->second;
  }
  ASSIGN_OR_RETURN(net::HttpResponse response, FollowRedirects(fetch, url, token));
  if (response.status != 401) return response;
  // The first request without a token, or the token has expired.
  ASSIGN_OR_RETURN(token, AskForToken(*fetch.image, response.Header("WWW-Authenticate")));
  {
    std::lock_guard lock(mutex_);
    tokens_[Key(*fetch.image)] = token;
  }
  return FollowRedirects(fetch, std::move(url), token);
}

absl::StatusOr<std::string> RegistryClient::AskForToken(const ImageReference& image,
                                                        std::string_view header) {
  const std::string what = StrCat("token for ", Key(image));
  ASSIGN_OR_RETURN(BearerChallenge challenge, ParseBearerChallenge(header), what);
  ASSIGN_OR_RETURN(net::Url url, net::ParseUrl(challenge.realm), what);
  RETURN_IF_ERROR(CheckAllowed(url), what);
  const std::string scope =
      challenge.scope.empty() ? StrCat("repository:", image.repository, ":pull") : challenge.scope;
  url.target += url.target.find('?') == std::string::npos ? "?" : "&";
  StrAppend(&url.target, "scope=", net::PercentEncode(scope));
  if (!challenge.service.empty()) {
    StrAppend(&url.target, "&service=", net::PercentEncode(challenge.service));
  }
  net::HttpRequest request;
  request.url = url.ToString();
  ASSIGN_OR_RETURN(net::HttpResponse response, http_->Send(request), what);
  if (response.status != 200) return Refusal(response, what);
  ASSIGN_OR_RETURN(std::string token, ParseTokenAnswer(response.body), what);
  return token;
}

absl::StatusOr<RegistryDocument> RegistryClient::GetDocument(const ImageReference& image,
                                                             std::string path, std::string accept,
                                                             const std::string& what) {
  std::string text;
  const OnBytes collect = [&](ByteView data) {
    if (data.size() > limits_.max_manifest_size - text.size()) {
      return absl::ResourceExhaustedError(
          StrCat("larger than the ", limits_.max_manifest_size, " bytes allowed"));
    }
    text += AsText(data);
    return absl::OkStatus();
  };
  const Fetch fetch{&image, std::move(path), std::move(accept), &collect};
  ASSIGN_OR_RETURN(net::HttpResponse response, Get(fetch), what);
  if (response.status != 200) return Refusal(response, what);
  BlobDigest digest = BlobDigest::OfSha256(AsBytes(text));
  return RegistryDocument{std::move(text), std::string(response.Header("Content-Type")),
                          std::move(digest)};
}

absl::StatusOr<RegistryDocument> RegistryClient::GetManifest(const ImageReference& image,
                                                             const std::string& target) {
  const std::string what = StrCat("manifest ", Key(image), ":", target);
  ASSIGN_OR_RETURN(
      RegistryDocument document,
      GetDocument(image, StrCat("/v2/", image.repository, "/manifests/", target),
                  StrCat(kOciIndex, ", ", kOciManifest, ", ", kDockerIndex, ", ", kDockerManifest),
                  what));
  if (target.find(':') != std::string::npos) {
    ASSIGN_OR_RETURN(document.digest, BlobDigest::Parse(target), what);
    RETURN_IF_ERROR(document.digest.Check(AsBytes(document.text), what));
  }
  return document;
}

absl::StatusOr<std::string> RegistryClient::GetReferrers(const ImageReference& image,
                                                         const std::string& digest) {
  absl::StatusOr<RegistryDocument> own =
      GetDocument(image, StrCat("/v2/", image.repository, "/referrers/", digest),
                  std::string(kOciIndex), StrCat("referrers of ", digest));
  if (own.ok()) return std::move(own->text);
  if (!absl::IsNotFound(own.status())) return own.status();
  std::string tag = digest;
  std::replace(tag.begin(), tag.end(), ':', '-');
  ASSIGN_OR_RETURN(RegistryDocument kept, GetManifest(image, tag));
  return std::move(kept.text);
}

absl::Status RegistryClient::GetBlob(const ImageReference& image, const Descriptor& blob,
                                     const OnBytes& on_bytes) {
  const std::string what = StrCat("blob ", blob.digest.text(), " of ", Key(image));
  const Fetch fetch{&image, StrCat("/v2/", image.repository, "/blobs/", blob.digest.text()), "",
                    &on_bytes};
  ASSIGN_OR_RETURN(net::HttpResponse response, Get(fetch), what);
  return response.status == 200 ? absl::OkStatus() : Refusal(response, what);
}

absl::StatusOr<std::string> RegistryClient::GetBlobText(const ImageReference& image,
                                                        const Descriptor& blob) {
  const std::string what = StrCat("blob ", blob.digest.text());
  std::string text;
  RETURN_IF_ERROR(GetBlob(image, blob, [&](ByteView data) {
    if (data.size() > blob.size - text.size()) {
      return absl::DataLossError(StrCat("more bytes than the ", blob.size, " the manifest names"));
    }
    text += AsText(data);
    return absl::OkStatus();
  }));
  if (text.size() != blob.size) {
    return absl::DataLossError(
        StrCat(what, ": got ", text.size(), " bytes, the manifest names ", blob.size));
  }
  RETURN_IF_ERROR(blob.digest.Check(AsBytes(text), what));
  return text;
}

}  // namespace nacre::image
