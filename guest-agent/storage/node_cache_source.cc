#include "guest-agent/storage/node_cache_source.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "api/agent_address.h"
#include "api/node_cache.pb.h"
#include "base/strings.h"
#include "net/stream.h"

namespace nacre::guest_agent {
namespace {

constexpr uint32_t kPiece = 256 << 10;        // stays in a processor's cache on its whole way
constexpr size_t kAhead = 4;                  // pieces on their way or waiting for their reader
constexpr int64_t kAnswerTimeoutMs = 12'000;  // longer than it waits for a registry itself
// A tar's: there are more of them, and each costs a handful of wake-ups whatever its size.
constexpr uint32_t kTarPiece = 1 << 20;
constexpr size_t kTarAhead = 2;

using google::protobuf::internal::WireFormatLite;
using Clock = std::chrono::steady_clock;

struct Pieces {
  uint64_t begin = 0, end = 0;  // in the blob or the tar
  uint32_t size = kPiece;
  size_t ahead = kAhead;
  bool first_alone = true;  // the cache may have nothing
};

// The pieces of a blob in their order. When the cache may have nothing, the first is fetched alone;
// from then on a few are on their way at once, since an answer passes many hands and each of them
// may have to wait for a processor that is unpacking.
class ReadAhead {
 public:
  // Gives `length` bytes or less, but one at least.
  using Fetch = std::function<absl::StatusOr<NodeCachePiece>(uint64_t offset, uint32_t length,
                                                             const std::stop_token& stop)>;
  ReadAhead(const Pieces& pieces, Fetch fetch) : pieces_(pieces), fetch_(std::move(fetch)) {}

  // Not after the last piece, nor after an error.
  absl::StatusOr<NodeCachePiece> Next() {
    if (given_ == (pieces_.first_alone ? 1 : 0)) StartThreads();
    if (threads_.empty()) return Whole(given_++, {});
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ready_.contains(given_); });
    absl::StatusOr<NodeCachePiece> piece = std::move(ready_.extract(given_++).mapped());
    changed_.notify_all();
    return piece;
  }

 private:
  uint64_t Begin(uint64_t index) const { return pieces_.begin + index * pieces_.size; }

  void StartThreads() {
    asked_ = given_;
    try {
      for (size_t i = 0; i < pieces_.ahead && Begin(given_ + i) < pieces_.end; ++i) {
        threads_.emplace_back([this](const std::stop_token& stop) { Run(stop); });
      }
    } catch (const std::system_error&) {
      // As many as there are; with none, Next() fetches.
    }
  }

  void Run(const std::stop_token& stop) {
    for (;;) {
      std::unique_lock lock(mutex_);
      const auto wanted = [this] { return failed_ || asked_ < given_ + pieces_.ahead; };
      if (!changed_.wait(lock, stop, wanted) || failed_ || Begin(asked_) >= pieces_.end) return;
      const uint64_t index = asked_++;
      lock.unlock();
      absl::StatusOr<NodeCachePiece> piece = Whole(index, stop);
      lock.lock();
      failed_ |= !piece.ok();
      ready_.emplace(index, std::move(piece));
      changed_.notify_all();
    }
  }

  absl::StatusOr<NodeCachePiece> Whole(uint64_t index, const std::stop_token& stop) const {
    const uint64_t at = Begin(index);
    const auto length = static_cast<uint32_t>(std::min<uint64_t>(pieces_.size, pieces_.end - at));
    ASSIGN_OR_RETURN(NodeCachePiece piece, fetch_(at, length, stop));
    while (piece.size < length) {
      const auto left = static_cast<uint32_t>(length - piece.size);
      ASSIGN_OR_RETURN(const NodeCachePiece more, fetch_(at + piece.size, left, stop));
      piece.answer.resize(piece.begin + piece.size);
      piece.answer.insert(piece.answer.end(), more.bytes().begin(), more.bytes().end());
      piece.size += more.size;
    }
    return piece;
  }

  const Pieces pieces_;
  const Fetch fetch_;
  std::mutex mutex_;  // guards what follows, once there are threads
  std::condition_variable_any changed_;
  uint64_t given_ = 0;  // pieces
  uint64_t asked_ = 0;
  bool failed_ = false;  // no further piece is asked for
  std::map<uint64_t, absl::StatusOr<NodeCachePiece>> ready_;
  std::vector<std::jthread> threads_;  // last: ended before the rest
};

constexpr uint32_t TagOf(int field, WireFormatLite::WireType type) {
  return WireFormatLite::MakeTag(field, type);
}

// A ReadResponse or a ReadUnpackedResponse, read in place.
absl::StatusOr<NodeCachePiece> ParseAnswer(ttrpc::Answer answer, int data_field, int size_field) {
  const ByteView message = answer.payload();
  NodeCachePiece piece;
  google::protobuf::io::CodedInputStream in(message.data(), static_cast<int>(message.size()));
  bool good = true;
  while (const uint32_t tag = good ? in.ReadTag() : 0) {
    uint32_t length = 0;
    if (tag == TagOf(data_field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED)) {
      good = in.ReadVarint32(&length);
      const auto at = static_cast<size_t>(in.CurrentPosition());
      good = good && length <= message.size() - at && in.Skip(static_cast<int>(length));
      piece.begin = answer.begin + at;
      piece.size = length;
    } else if (tag == TagOf(size_field, WireFormatLite::WIRETYPE_VARINT)) {
      good = in.ReadVarint64(&piece.whole);
    } else {
      good = WireFormatLite::SkipField(&in, tag);
    }
  }
  if (good && in.ConsumedEntireMessage()) {
    piece.answer = std::move(answer.frame);
    return piece;
  }
  return absl::InternalError("gave bytes that are no answer");
}

}  // namespace

void Pace::Add(uint64_t bytes, Duration waited, Duration worked) {
  const std::lock_guard lock(mutex_);
  bytes_ += bytes;
  waited_ += waited;
  worked_ += worked;
}

bool Pace::TooSlow() const {
  const std::lock_guard lock(mutex_);
  return bytes_ >= kJudged && waited_ > kPatience * worked_;
}

absl::StatusOr<std::unique_ptr<NodeCacheSource>> NodeCacheSource::Open() {
  ASSIGN_OR_RETURN(UniqueFd port, net::OpenVirtioPort(api::kNodeCacheVirtioPort));
  return Create(std::move(port));
}

absl::StatusOr<std::unique_ptr<NodeCacheSource>> NodeCacheSource::Create(UniqueFd connection) {
  ASSIGN_OR_RETURN(auto client, ttrpc::Client::Create(std::move(connection)));
  return std::unique_ptr<NodeCacheSource>(new NodeCacheSource(std::move(client)));
}

absl::StatusOr<NodeCachePiece> NodeCacheSource::Ask(const Question& question, uint64_t offset,
                                                    uint32_t length, const std::stop_token& stop) {
  nodecache::ReadRequest request;
  request.set_registry(question.image.registry);
  request.set_repository(question.image.repository);
  request.set_digest(question.blob.digest.text());
  request.set_size(question.blob.size);
  request.set_offset(offset);
  request.set_length(length);
  ASSIGN_OR_RETURN(
      ttrpc::Answer answer,
      client_->CallInPlace("nacre.nodecache.NodeCache", question.unpacked ? "ReadUnpacked" : "Read",
                           request.SerializeAsString(),
                           {.timeout_ms = kAnswerTimeoutMs, .stop = stop}));
  using Unpacked = nodecache::ReadUnpackedResponse;
  ASSIGN_OR_RETURN(
      NodeCachePiece piece,
      question.unpacked
          ? ParseAnswer(std::move(answer), Unpacked::kDataFieldNumber, Unpacked::kSizeFieldNumber)
          : ParseAnswer(std::move(answer), nodecache::ReadResponse::kDataFieldNumber, 0));
  if (piece.size != 0 && piece.size <= length) return piece;
  return absl::InternalError(StrCat("gave ", piece.size, " bytes, asked for ", length));
}

absl::Status NodeCacheSource::Failed(const absl::Status& status) {
  if (absl::IsNotFound(status) || absl::IsPermissionDenied(status)) {
    return absl::NotFoundError(StrCat("node cache: ", Message(status)));
  }
  given_up_ = true;
  return absl::UnavailableError(StrCat("node cache: ", Message(status)));
}

absl::Status NodeCacheSource::Read(const image::ImageReference& image,
                                   const image::Descriptor& blob, uint64_t offset,
                                   const OnBytes& on_bytes) {
  const Question question{image, blob, false};
  ReadAhead pieces({.begin = offset, .end = blob.size},
                   [&](uint64_t at, uint32_t length, const std::stop_token& stop) {
                     return Ask(question, at, length, stop);
                   });
  while (offset < blob.size) {
    if (given_up_) return absl::NotFoundError("node cache: given up");
    const absl::StatusOr<NodeCachePiece> piece = pieces.Next();
    if (!piece.ok()) return Failed(piece.status());
    RETURN_IF_ERROR(on_bytes(piece->bytes()));
    offset += piece->size;
  }
  return absl::OkStatus();
}

absl::Status NodeCacheSource::ReadUnpacked(const image::ImageReference& image,
                                           const image::Descriptor& blob, const OnBytes& on_bytes) {
  if (given_up_ || !asks_unpacked_) return absl::NotFoundError("node cache: not asked");
  const Question question{image, blob, true};
  Clock::time_point asked = Clock::now();
  absl::StatusOr<NodeCachePiece> piece = Ask(question, 0, kTarPiece, {});
  if (absl::IsUnimplemented(piece.status())) {
    asks_unpacked_ = false;
    return absl::NotFoundError("node cache: keeps nothing unpacked");
  }
  if (!piece.ok()) return Failed(piece.status());
  const uint64_t whole = piece->whole;
  const Pieces others{.begin = piece->size,
                      .end = whole,
                      .size = kTarPiece,
                      .ahead = kTarAhead,
                      .first_alone = false};
  ReadAhead pieces(others, [&](uint64_t at, uint32_t length, const std::stop_token& stop) {
    return Ask(question, at, length, stop);
  });
  for (uint64_t given = 0;;) {
    if (piece->whole != whole || piece->size > whole - given) {
      return Failed(absl::InternalError("does not say how long the layer is, or changes its mind"));
    }
    const Clock::time_point came = Clock::now();
    RETURN_IF_ERROR(on_bytes(piece->bytes()));
    given += piece->size;
    if (given == whole) return absl::OkStatus();
    const Clock::time_point done = Clock::now();
    pace_.Add(piece->size, came - asked, done - came);
    asked = done;
    if (pace_.TooSlow()) {
      asks_unpacked_ = false;
      return absl::NotFoundError("node cache: slower than inflating the blob");
    }
    if (given_up_) return absl::NotFoundError("node cache: given up");
    piece = pieces.Next();
    if (!piece.ok()) return Failed(piece.status());
  }
}

}  // namespace nacre::guest_agent
