#include "image-rs-cpp/registry/blob_upload.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/registry/auth_challenge.h"
#include "net/url.h"

namespace nacre::image {
namespace {

bool BrokeOff(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDataLoss(status) ||
         absl::IsDeadlineExceeded(status);
}

// "0-99", with or without the unit: 100. Registries say "0-0" for nothing too.
bool ParseReached(std::string_view range, uint64_t* reached) {
  if (constexpr std::string_view kUnit = "bytes="; range.starts_with(kUnit)) {
    range.remove_prefix(kUnit.size());
  }
  uint64_t last = 0;
  if (!range.starts_with("0-") || !ParseNumber(range.substr(2), &last)) return false;
  if (last == UINT64_MAX) return false;
  *reached = last == 0 ? 0 : last + 1;
  return true;
}

}  // namespace

RegistrySession::Request BlobUpload::To(std::string_view method) const {
  RegistrySession::Request request;
  request.endpoint = endpoint_;
  request.method = method;
  request.target = url_;
  return request;
}

// The URL of an upload is the registry's to choose, again with every answer.
absl::Status BlobUpload::Follow(const net::HttpResponse& answer) {
  const std::string_view location = answer.Header("Location");
  if (location.empty()) {
    if (!url_.empty()) return absl::OkStatus();
    return absl::DataLossError("the registry does not say where to upload to");
  }
  const std::string base =
      !url_.empty() ? url_
                    : StrCat(session_->IsInsecure(*endpoint_) ? "http://" : "https://",
                             endpoint_->registry, "/v2/", endpoint_->repository, "/blobs/uploads/");
  ASSIGN_OR_RETURN(const net::Url from, net::ParseUrl(base));
  ASSIGN_OR_RETURN(const net::Url url, net::ResolveUrl(from, location), "upload");
  url_ = url.ToString();
  return absl::OkStatus();
}

absl::Status BlobUpload::Start() {
  RegistrySession::Request start = To("POST");
  start.target = StrCat("/v2/", endpoint_->repository, "/blobs/uploads/");
  ASSIGN_OR_RETURN(const net::HttpResponse answer, session_->Send(start));
  if (answer.status != 202) return RegistryRefusal(answer, "registry");
  if (const std::string_view least = answer.Header("OCI-Chunk-Min-Length"); !least.empty()) {
    size_t wanted = 0;
    if (!ParseNumber(least, &wanted) || wanted > kLongestPiece) {
      return absl::UnimplementedError(StrCat("the registry wants pieces of '", Printable(least, 40),
                                             "' bytes, we send at most ", kLongestPiece));
    }
    piece_ = std::max(piece_, wanted);
  }
  return Follow(answer);
}

absl::Status BlobUpload::Write(ByteView data) {
  hasher_.Update(data);
  while (!data.empty()) {
    // A full piece is sent once it is known not to be the last.
    if (waiting_.size() == piece_) RETURN_IF_ERROR(SendPiece());
    const size_t count = std::min(data.size(), piece_ - waiting_.size());
    waiting_ += AsText(data.first(count));
    data = data.subspan(count);
  }
  return absl::OkStatus();
}

// What of `waiting_` the registry has now leaves it.
absl::Status BlobUpload::TakeReached(const net::HttpResponse& answer) {
  RETURN_IF_ERROR(Follow(answer));
  uint64_t reached = 0;
  if (!ParseReached(answer.Header("Range"), &reached) || reached < arrived_ ||
      reached - arrived_ > waiting_.size()) {
    return absl::InternalError(
        StrCat("the registry says it has '", Printable(answer.Header("Range"), 60),
               "' of the upload after ", arrived_, " bytes and a piece of ", waiting_.size()));
  }
  waiting_.erase(0, reached - arrived_);
  arrived_ = reached;
  return absl::OkStatus();
}

absl::Status BlobUpload::SendOnce() {
  RegistrySession::Request patch = To("PATCH");
  patch.headers = {{"Content-Type", "application/octet-stream"},
                   {"Content-Range", StrCat(arrived_, "-", arrived_ + waiting_.size() - 1)}};
  patch.body = waiting_;
  ASSIGN_OR_RETURN(const net::HttpResponse answer, session_->Send(patch));
  if (answer.status != 202) return RegistryRefusal(answer, "registry");
  if (!answer.Header("Range").empty()) return TakeReached(answer);
  RETURN_IF_ERROR(Follow(answer));
  arrived_ += waiting_.size();
  waiting_.clear();
  return absl::OkStatus();
}

// An upload that cannot be gone on with has to begin again.
absl::Status BlobUpload::AskHowFar() {
  ASSIGN_OR_RETURN(const net::HttpResponse answer, session_->Send(To("GET")));
  if (answer.status == 204) return TakeReached(answer);
  const absl::Status refusal = RegistryRefusal(answer, "registry");
  if (answer.status == 401 || answer.status == 403) return refusal;
  return absl::DataLossError(StrCat("the registry has lost the upload: ", Message(refusal)));
}

absl::Status BlobUpload::SendPiece() {
  uint32_t failures = 0;
  while (!waiting_.empty()) {
    const uint64_t before = arrived_;
    absl::Status sent = SendOnce();
    if (sent.ok() && arrived_ > before) continue;
    if (sent.ok()) sent = absl::UnavailableError("the registry takes no bytes of the upload");
    if (!BrokeOff(sent) || ++failures >= attempts_) return sent;
    RETURN_IF_ERROR(AskHowFar(), Message(sent));
    if (arrived_ > before) failures = 0;
  }
  return absl::OkStatus();
}

absl::StatusOr<Descriptor> BlobUpload::Finish() {
  ASSIGN_OR_RETURN(BlobDigest digest,
                   BlobDigest::Parse(StrCat("sha256:", HexEncode(hasher_.Finish()))));
  const uint64_t size = arrived_ + waiting_.size();
  // A blob of one piece goes with the request that names it.
  if (arrived_ > 0) RETURN_IF_ERROR(SendPiece());
  RegistrySession::Request put = To("PUT");
  StrAppend(&put.target, put.target.find('?') == std::string::npos ? "?" : "&",
            "digest=", net::PercentEncode(digest.text()));
  put.headers = {{"Content-Type", "application/octet-stream"}};
  put.body = std::move(waiting_);
  ASSIGN_OR_RETURN(const net::HttpResponse done, session_->Send(put));
  // An upload that is no longer known may have been finished by a request whose answer was lost.
  if (done.status != 201 && !(done.status == 404 && IsThere(digest))) {
    return RegistryRefusal(done, "registry");
  }
  return Descriptor{"", std::move(digest), size, {}};
}

bool BlobUpload::IsThere(const BlobDigest& digest) {
  RegistrySession::Request look = To("HEAD");
  look.target = StrCat("/v2/", endpoint_->repository, "/blobs/", digest.text());
  const absl::StatusOr<net::HttpResponse> found = session_->Send(look);
  return found.ok() && found->status == 200;
}

void BlobUpload::Cancel() {
  if (!url_.empty()) (void)session_->Send(To("DELETE"));
}

}  // namespace nacre::image
