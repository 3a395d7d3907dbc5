#include "guest-agent/storage/node_cache_source.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "api/node_cache.pb.h"
#include "base/strings.h"
#include "net/stream.h"

namespace nacre::guest_agent {
namespace {

constexpr uint32_t kPiece = 256 << 10;        // stays in a processor's cache on its whole way
constexpr size_t kAhead = 4;                  // pieces on their way or waiting for their reader
constexpr int64_t kAnswerTimeoutMs = 12'000;  // longer than it waits for a registry itself

// The pieces of a blob in their order. The first is fetched alone, for the cache may have nothing;
// from then on a few are on their way at once, since an answer passes many hands and each of them
// may have to wait for a processor that is unpacking.
class ReadAhead {
 public:
  // Gives `length` bytes or less, but one at least.
  using Fetch = std::function<absl::StatusOr<std::string>(uint64_t offset, uint32_t length,
                                                          const std::stop_token& stop)>;
  ReadAhead(uint64_t begin, uint64_t end, Fetch fetch)
      : begin_(begin), end_(end), fetch_(std::move(fetch)) {}

  // Not after the last piece, nor after an error.
  absl::StatusOr<std::string> Next() {
    if (given_ == 1) StartThreads();
    if (threads_.empty()) return Whole(given_++, {});
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ready_.contains(given_); });
    absl::StatusOr<std::string> piece = std::move(ready_.extract(given_++).mapped());
    changed_.notify_all();
    return piece;
  }

 private:
  uint64_t Begin(uint64_t index) const { return begin_ + index * kPiece; }

  void StartThreads() {
    asked_ = given_;
    try {
      for (size_t i = 0; i < kAhead && Begin(given_ + i) < end_; ++i) {
        threads_.emplace_back([this](const std::stop_token& stop) { Run(stop); });
      }
    } catch (const std::system_error&) {
      // As many as there are; with none, Next() fetches.
    }
  }

  void Run(const std::stop_token& stop) {
    for (;;) {
      std::unique_lock lock(mutex_);
      const auto wanted = [this] { return failed_ || asked_ < given_ + kAhead; };
      if (!changed_.wait(lock, stop, wanted) || failed_ || Begin(asked_) >= end_) return;
      const uint64_t index = asked_++;
      lock.unlock();
      absl::StatusOr<std::string> piece = Whole(index, stop);
      lock.lock();
      failed_ |= !piece.ok();
      ready_.emplace(index, std::move(piece));
      changed_.notify_all();
    }
  }

  absl::StatusOr<std::string> Whole(uint64_t index, const std::stop_token& stop) const {
    const uint64_t at = Begin(index);
    const auto length = static_cast<uint32_t>(std::min<uint64_t>(kPiece, end_ - at));
    ASSIGN_OR_RETURN(std::string piece, fetch_(at, length, stop));
    while (piece.size() < length) {
      const auto left = static_cast<uint32_t>(length - piece.size());
      ASSIGN_OR_RETURN(const std::string more, fetch_(at + piece.size(), left, stop));
      piece += more;
    }
    return piece;
  }

  const uint64_t begin_, end_;
  const Fetch fetch_;
  std::mutex mutex_;  // guards what follows, once there are threads
  std::condition_variable_any changed_;
  uint64_t given_ = 0;  // pieces
  uint64_t asked_ = 0;
  bool failed_ = false;  // no further piece is asked for
  std::map<uint64_t, absl::StatusOr<std::string>> ready_;
  std::vector<std::jthread> threads_;  // last: ended before the rest
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
                                                   uint32_t length, const std::stop_token& stop) {
  nodecache::ReadRequest request;
  request.set_registry(image.registry);
  request.set_repository(image.repository);
  request.set_digest(blob.digest.text());
  request.set_size(blob.size);
  request.set_offset(offset);
  request.set_length(length);
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
  ReadAhead pieces(offset, blob.size,
                   [&](uint64_t at, uint32_t length, const std::stop_token& stop) {
                     return Piece(image, blob, at, length, stop);
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
