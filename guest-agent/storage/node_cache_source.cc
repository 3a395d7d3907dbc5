#include "guest-agent/storage/node_cache_source.h"

#include <algorithm>

#include "api/node_cache.pb.h"
#include "base/strings.h"
#include "net/stream.h"

namespace nacre::guest_agent {
namespace {

constexpr uint32_t kPiece = 1 << 20;          // the most the cache gives at once
constexpr int64_t kAnswerTimeoutMs = 12'000;  // longer than it waits for a registry itself

}  // namespace

absl::StatusOr<std::unique_ptr<NodeCacheSource>> NodeCacheSource::Open() {
  ASSIGN_OR_RETURN(UniqueFd port, net::OpenVirtioPort(kNodeCachePort));
  return Create(std::move(port));
}

absl::StatusOr<std::unique_ptr<NodeCacheSource>> NodeCacheSource::Create(UniqueFd connection) {
  ASSIGN_OR_RETURN(auto client, ttrpc::Client::Create(std::move(connection)));
  return std::unique_ptr<NodeCacheSource>(new NodeCacheSource(std::move(client)));
}

absl::StatusOr<std::string> NodeCacheSource::Piece(const image::ImageReference& image,
                                                   const image::Descriptor& blob, uint64_t offset) {
  nodecache::ReadRequest request;
  request.set_registry(image.registry);
  request.set_repository(image.repository);
  request.set_digest(blob.digest.text());
  request.set_size(blob.size);
  request.set_offset(offset);
  request.set_length(static_cast<uint32_t>(std::min<uint64_t>(kPiece, blob.size - offset)));
  ASSIGN_OR_RETURN(const std::string answer,
                   client_->Call("nacre.nodecache.NodeCache", "Read", request.SerializeAsString(),
                                 {.timeout_ms = kAnswerTimeoutMs}));
  nodecache::ReadResponse response;
  if (!response.ParseFromString(answer)) return absl::InternalError("not a ReadResponse");
  if (response.data().empty() || response.data().size() > request.length()) {
    return absl::InternalError(
        StrCat("gave ", response.data().size(), " bytes, asked for ", request.length()));
  }
  return std::move(*response.mutable_data());
}

absl::Status NodeCacheSource::Read(const image::ImageReference& image,
                                   const image::Descriptor& blob, uint64_t offset,
                                   const OnBytes& on_bytes) {
  while (offset < blob.size) {
    if (given_up_) return absl::NotFoundError("node cache: given up");
    const absl::StatusOr<std::string> piece = Piece(image, blob, offset);
    if (absl::IsNotFound(piece.status()) || absl::IsPermissionDenied(piece.status())) {
      return absl::NotFoundError(StrCat("node cache: ", Message(piece.status())));
    }
    if (!piece.ok()) {
      given_up_ = true;
      return absl::UnavailableError(StrCat("node cache: ", Message(piece.status())));
    }
    RETURN_IF_ERROR(on_bytes(AsBytes(*piece)));
    offset += piece->size();
  }
  return absl::OkStatus();
}

}  // namespace nacre::guest_agent
