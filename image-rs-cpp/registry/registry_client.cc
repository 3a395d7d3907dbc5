#include "image-rs-cpp/registry/registry_client.h"

#include <algorithm>

#include "base/strings.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/registry/auth_challenge.h"
#include "image-rs-cpp/registry/blob_upload.h"

namespace nacre::image {
namespace {

using Request = RegistrySession::Request;

std::string Key(const ImageReference& image) {
  return StrCat(image.registry, "/", image.repository);
}

std::string ApiPath(const Endpoint& endpoint, std::string_view rest) {
  return StrCat("/v2/", endpoint.repository, "/", rest);
}

// Asks each place until one gives an answer; `ask` returns the status of one.
template <typename Ask>
absl::Status AskInOrder(const std::vector<Endpoint>& places, const Ask& ask) {
  std::string earlier;
  for (size_t i = 0;; ++i) {
    bool final = false;
    absl::Status status = ask(places[i], &final);
    if (status.ok() || final) return status;
    if (i + 1 == places.size()) {
      return earlier.empty() ? status : Annotate(status, earlier.substr(0, 2000));
    }
    StrAppend(&earlier, earlier.empty() ? "" : "; ", "mirror ", places[i].registry, ": ",
              Message(status));
  }
}

bool MayGoOn(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDataLoss(status) ||
         absl::IsDeadlineExceeded(status);
}

// "bytes 100-199/200": whether it begins where we asked it to.
bool BeginsAt(std::string_view content_range, uint64_t offset) {
  constexpr std::string_view kUnit = "bytes ";
  if (!content_range.starts_with(kUnit)) return false;
  content_range.remove_prefix(kUnit.size());
  uint64_t begin = 0;
  return ParseNumber(content_range.substr(0, content_range.find('-')), &begin) && begin == offset;
}

// That the document is what the answer's own header says: it differs when a manifest is replaced
// while it is read, or when something on the way changes it.
absl::Status CheckStatedDigest(const net::HttpResponse& response, std::string_view text) {
  const std::string_view stated = response.Header("Docker-Content-Digest");
  if (stated.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const BlobDigest digest, BlobDigest::Parse(stated), "Docker-Content-Digest");
  return digest.Check(AsBytes(text), "not what the registry says it sends");
}

}  // namespace

absl::StatusOr<std::unique_ptr<RegistryClient>> RegistryClient::Create(
    const RegistryOptions& options, const Limits& limits) {
  ASSIGN_OR_RETURN(std::unique_ptr<RegistrySession> session,
                   RegistrySession::Create(options, limits));
  return std::unique_ptr<RegistryClient>(new RegistryClient(options, limits, std::move(session)));
}

absl::StatusOr<RegistryDocument> RegistryClient::GetDocumentFrom(const Endpoint& endpoint,
                                                                 std::string_view path,
                                                                 const std::string& accept) {
  std::string text;
  Request request;
  request.endpoint = &endpoint;
  request.target = ApiPath(endpoint, path);
  request.headers = {{"Accept", accept}};
  request.on_bytes = [&](ByteView data) {
    if (data.size() > limits_.max_manifest_size - text.size()) {
      return absl::ResourceExhaustedError(
          StrCat("larger than the ", limits_.max_manifest_size, " bytes allowed"));
    }
    text += AsText(data);
    return absl::OkStatus();
  };
  ASSIGN_OR_RETURN(const net::HttpResponse response, session_->Send(request));
  if (response.status != 200) return RegistryRefusal(response, "registry");
  RETURN_IF_ERROR(CheckStatedDigest(response, text));
  BlobDigest digest = BlobDigest::OfSha256(AsBytes(text));
  return RegistryDocument{std::move(text), std::string(response.Header("Content-Type")),
                          std::move(digest)};
}

absl::StatusOr<RegistryDocument> RegistryClient::GetDocument(const ImageReference& image,
                                                             std::string_view path,
                                                             const std::string& accept,
                                                             const std::string& what) {
  ASSIGN_OR_RETURN(const std::vector<Endpoint> places, registries_.Endpoints(image), what);
  absl::StatusOr<RegistryDocument> document = absl::InternalError("nobody was asked");
  RETURN_IF_ERROR(AskInOrder(places,
                             [&](const Endpoint& place, bool*) {
                               document = GetDocumentFrom(place, path, accept);
                               return document.status();
                             }),
                  what);
  return document;
}

absl::StatusOr<RegistryDocument> RegistryClient::GetManifest(const ImageReference& image,
                                                             const std::string& target) {
  const std::string what = StrCat("manifest ", Key(image), ":", target);
  ASSIGN_OR_RETURN(
      RegistryDocument document,
      GetDocument(image, StrCat("manifests/", target),
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
  absl::StatusOr<RegistryDocument> own = GetDocument(
      image, StrCat("referrers/", digest), std::string(kOciIndex), StrCat("referrers of ", digest));
  if (own.ok()) return std::move(own->text);
  // Registries of before 1.1 answer 404, or whatever they answer to a path they do not know.
  if (!absl::IsNotFound(own.status()) && !absl::IsInternal(own.status())) return own.status();
  std::string tag = digest;
  std::replace(tag.begin(), tag.end(), ':', '-');
  ASSIGN_OR_RETURN(RegistryDocument kept, GetManifest(image, tag));
  return std::move(kept.text);
}

absl::StatusOr<std::string> RegistryClient::GetExtensionSignatures(const ImageReference& image,
                                                                   const std::string& digest) {
  const std::string what = StrCat("signatures of ", digest);
  ASSIGN_OR_RETURN(const std::vector<Endpoint> places, registries_.Endpoints(image), what);
  const Endpoint& place = places.back();
  Request ping;
  ping.endpoint = &place;
  ping.target = "/v2/";
  ASSIGN_OR_RETURN(const net::HttpResponse answer, session_->Send(ping), what);
  if (answer.Header("X-Registry-Supports-Signatures") != "1") {
    return absl::NotFoundError(StrCat(what, ": the registry keeps none"));
  }
  Request request;
  request.endpoint = &place;
  request.target = StrCat("/extensions/v2/", place.repository, "/signatures/", digest);
  ASSIGN_OR_RETURN(net::HttpResponse response, session_->Send(request), what);
  if (response.status != 200) return Annotate(RegistryRefusal(response, "registry"), what);
  return std::move(response.body);
}

absl::StatusOr<std::string> RegistryClient::GetFile(const std::string& url, uint64_t max_size) {
  ASSIGN_OR_RETURN(const net::Url parsed, net::ParseUrl(url));
  const Endpoint place{parsed.Authority(), "", !parsed.tls()};
  std::string text;
  Request request;
  request.endpoint = &place;
  request.target = parsed.ToString();
  request.on_bytes = [&](ByteView data) {
    if (data.size() > max_size - text.size()) {
      return absl::ResourceExhaustedError(StrCat("larger than the ", max_size, " bytes allowed"));
    }
    text += AsText(data);
    return absl::OkStatus();
  };
  ASSIGN_OR_RETURN(const net::HttpResponse response, session_->Send(request), url);
  if (response.status != 200) return Annotate(RegistryRefusal(response, "server"), url);
  return text;
}

absl::Status RegistryClient::ReadFrom(const Endpoint& endpoint, const Descriptor& blob,
                                      uint64_t offset, const OnBytes& on_bytes) {
  uint64_t skip = 0;
  Request request;
  request.endpoint = &endpoint;
  request.target = ApiPath(endpoint, StrCat("blobs/", blob.digest.text()));
  if (offset > 0) request.headers = {{"Range", StrCat("bytes=", offset, "-")}};
  request.on_head = [&](const net::HttpResponse& head) {
    skip = head.status == 206 ? 0 : offset;
    if (head.status == 206 && !BeginsAt(head.Header("Content-Range"), offset)) {
      return absl::DataLossError("the registry sends another range than asked for");
    }
    return absl::OkStatus();
  };
  request.on_bytes = [&](ByteView data) {
    const size_t passed = std::min<uint64_t>(skip, data.size());
    skip -= passed;
    return passed == data.size() ? absl::OkStatus() : on_bytes(data.subspan(passed));
  };
  ASSIGN_OR_RETURN(const net::HttpResponse response, session_->Send(request));
  if (response.status == 200 || (response.status == 206 && offset > 0)) return absl::OkStatus();
  return RegistryRefusal(response, "registry");
}

absl::Status RegistryClient::Read(const ImageReference& image, const Descriptor& blob,
                                  uint64_t offset, const OnBytes& on_bytes) {
  if (offset > 0 && offset >= blob.size) return absl::OkStatus();
  const std::string what = StrCat("blob ", blob.digest.text(), " of ", Key(image));
  ASSIGN_OR_RETURN(const std::vector<Endpoint> places, registries_.Endpoints(image), what);
  absl::Status taker;  // what `on_bytes` said, as opposed to the registries
  absl::Status status = AskInOrder(places, [&](const Endpoint& place, bool* final) {
    return ReadFrom(place, blob, offset, [&](ByteView data) {
      *final = true;  // whoever has begun to send is the one whose bytes the caller has
      taker = on_bytes(data);
      return taker;
    });
  });
  RETURN_IF_ERROR(taker);
  return Annotate(status, what);
}

absl::StatusOr<std::string> RegistryClient::GetBlobText(const ImageReference& image,
                                                        const Descriptor& blob) {
  const std::string what = StrCat("blob ", blob.digest.text());
  std::string text;
  RETURN_IF_ERROR(GetBlob(image, blob, [&](ByteView data) {
    if (data.size() > blob.size - text.size()) {
      return absl::DataLossError(
          StrCat(what, ": more bytes than the ", blob.size, " the manifest names"));
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

absl::StatusOr<Endpoint> RegistryClient::OwnPlace(const ImageReference& image) const {
  ASSIGN_OR_RETURN(std::vector<Endpoint> places, registries_.Endpoints(image));
  return std::move(places.back());
}

absl::StatusOr<Descriptor> RegistryClient::AddBlob(const ImageReference& image, Producer produce) {
  const std::string what = StrCat("pushing a blob of ", Key(image));
  ASSIGN_OR_RETURN(const Endpoint endpoint, OwnPlace(image), what);
  for (uint32_t attempt = 1;; ++attempt) {
    BlobUpload upload(session_.get(), &endpoint, limits_.fetch_attempts);
    absl::Status sent = upload.Start();  // as opposed to what the producer says
    if (sent.ok()) {
      const absl::Status produced =
          produce([&](ByteView data) { return sent = upload.Write(data); });
      if (sent.ok() && !produced.ok()) {
        upload.Cancel();
        return produced;
      }
    }
    if (sent.ok()) {
      absl::StatusOr<Descriptor> done = upload.Finish();
      if (done.ok()) return done;
      sent = done.status();
    }
    upload.Cancel();
    if (!MayGoOn(sent) || attempt >= limits_.fetch_attempts) return Annotate(sent, what);
  }
}

bool RegistryClient::HasBlob(const ImageReference& image, const BlobDigest& blob,
                             const std::string& other) {
  const absl::StatusOr<Endpoint> endpoint = OwnPlace(image);
  if (!endpoint.ok()) return false;
  Request look;
  look.endpoint = &*endpoint;
  look.method = "HEAD";
  look.target = ApiPath(*endpoint, StrCat("blobs/", blob.text()));
  const absl::StatusOr<net::HttpResponse> found = session_->Send(look);
  if (found.ok() && found->status == 200) return true;
  const std::string here = image.registry + "/";
  if (!found.ok() || !other.starts_with(here) || other == Key(image)) return false;
  Request mount;
  mount.endpoint = &*endpoint;
  mount.method = "POST";
  mount.target = ApiPath(
      *endpoint, StrCat("blobs/uploads/?mount=", net::PercentEncode(blob.text()),
                        "&from=", net::PercentEncode(std::string_view(other).substr(here.size()))));
  const absl::StatusOr<net::HttpResponse> mounted = session_->Send(mount);
  return mounted.ok() && mounted->status == 201;
}

absl::Status RegistryClient::PutManifest(const ImageReference& image, const std::string& manifest,
                                         std::string_view media_type, const std::string& tag) {
  const std::string what = StrCat("pushing ", Key(image), ":", tag);
  ASSIGN_OR_RETURN(const Endpoint endpoint, OwnPlace(image), what);
  Request put;
  put.endpoint = &endpoint;
  put.method = "PUT";
  put.target = ApiPath(endpoint, StrCat("manifests/", tag));
  put.headers = {{"Content-Type", std::string(media_type)}};
  put.body = manifest;
  ASSIGN_OR_RETURN(const net::HttpResponse done, session_->Send(put), what);
  return done.status == 201 ? absl::OkStatus() : Annotate(RegistryRefusal(done, "registry"), what);
}

absl::Status RegistryClient::Push(const ImageReference& image,
                                  const std::vector<std::string>& blobs,
                                  const std::string& manifest, const std::string& tag) {
  for (const std::string& blob : blobs) {
    RETURN_IF_ERROR(AddBlob(image, [&](Sink write) { return write(AsBytes(blob)); }).status());
  }
  return PutManifest(image, manifest, kOciManifest, tag);
}

}  // namespace nacre::image
