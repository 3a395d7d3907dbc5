#include "guest-agent/storage/node_cache_source.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>

#include "api/node_cache.pb.h"
#include "base/strings.h"
#include "net/stream.h"

namespace nacre::guest_agent {
namespace {

constexpr uint32_t kPiece = 256 << 10;        // stays in a processor's cache on its whole way
constexpr size_t kAhead = 2;                  // pieces that wait for their reader
constexpr int64_t kAnswerTimeoutMs = 12'000;  // longer than it waits for a registry itself

// The pieces of a blob in their order; the next ones are fetched while one is used.
class ReadAhead {
 public:
  using Fetch = std::function<absl::StatusOr<std::string>(uint64_t, const std::stop_token&)>;

  // `fetch` gives at least one byte, and none past `end`.
  ReadAhead(uint64_t begin, uint64_t end, Fetch fetch)
      : next_(begin), end_(end), fetch_(std::move(fetch)) {
    if (end - std::min(begin, end) <= kPiece) return;
    try {
      thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
    } catch (const std::system_error&) {
      // No thread to be had: Next() fetches.
    }
  }

  // After an error there is no next one.
  absl::StatusOr<std::string> Next() {
    if (!thread_.joinable()) {
      absl::StatusOr<std::string> piece = fetch_(next_, {});
      if (piece.ok()) next_ += piece->size();
      return piece;
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !ready_.empty(); });
    absl::StatusOr<std::string> piece = std::move(ready_.front());
    ready_.pop_front();
    changed_.notify_all();
    return piece;
  }

 private:
  void Run(const std::stop_token& stop) {
    bool more = true;
    while (more && !stop.stop_requested()) {
      absl::StatusOr<std::string> piece = fetch_(next_, stop);
      if (piece.ok()) next_ += piece->size();
      more = piece.ok() && next_ < end_;
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [this] { return ready_.size() < kAhead; })) return;
      ready_.push_back(std::move(piece));
      changed_.notify_all();
    }
  }

  uint64_t next_;  // the fetching thread's
  const uint64_t end_;
  const Fetch fetch_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<absl::StatusOr<std::string>> ready_;  // guarded by mutex_
  std::jthread thread_;                            // last: ended before the rest
};

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
                                                   const image::Descriptor& blob, uint64_t offset,
                                                   const std::stop_token& stop) {
  nodecache::ReadRequest request;
  request.set_registry(image.registry);
  request.set_repository(image.repository);
  request.set_digest(blob.digest.text());
  request.set_size(blob.size);
  request.set_offset(offset);
  request.set_length(static_cast<uint32_t>(std::min<uint64_t>(kPiece, blob.size - offset)));
  ASSIGN_OR_RETURN(const std::string answer,
                   client_->Call("nacre.nodecache.NodeCache", "Read", request.SerializeAsString(),
                                 {.timeout_ms = kAnswerTimeoutMs, .stop = stop}));
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
  ReadAhead pieces(offset, blob.size, [&](uint64_t at, const std::stop_token& stop) {
    return Piece(image, blob, at, stop);
  });
  while (offset < blob.size) {
    if (given_up_) return absl::NotFoundError("node cache: given up");
    const absl::StatusOr<std::string> piece = pieces.Next();
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
