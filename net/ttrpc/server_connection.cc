// A call takes a slot when it starts and gives it back before its answer is written. So a peer that
// keeps no more calls waiting than there are slots is never refused: by the time it has read an
// answer, the slot is free. The thread of that call may need a moment longer; a new call that finds
// a slot but no thread waits for one that is finishing, and is refused only when they all hang in
// writes to peers that do not read.
#include "net/ttrpc/server_connection.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace nacre::ttrpc {
namespace {

using std::chrono::steady_clock;

// The far end of time for deadlines that would overflow the clock.
constexpr int64_t kLongestTimeoutNs = int64_t{365} * 24 * 3600 * 1'000'000'000;

constexpr int kThreadWaitMs = 1000;

std::optional<steady_clock::time_point> DeadlineOf(const Request& request) {
  if (request.timeout_ns == 0) return std::nullopt;
  return steady_clock::now() +
         std::chrono::nanoseconds(std::clamp<int64_t>(request.timeout_ns, 0, kLongestTimeoutNs));
}

}  // namespace

bool CallSlots::TryTake() {
  size_t free = free_;
  while (free > 0) {
    if (free_.compare_exchange_weak(free, free - 1)) return true;
  }
  return false;
}

absl::Status ServerConnection::Run() {
  const absl::Status ended = ReadRequests();
  stop_.request_stop();
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return calls_ == 0; });
  const bool peer_closed = absl::IsUnavailable(ended);
  return peer_closed || stopped_ ? absl::OkStatus() : ended;
}

absl::Status ServerConnection::ReadRequests() {
  for (;;) {
    ASSIGN_OR_RETURN(Frame frame, channel_->Read([this] { return Allowance(); }));
    RETURN_IF_ERROR(HandleFrame(std::move(frame)));
  }
}

absl::Status ServerConnection::HandleFrame(Frame frame) {
  const FrameHeader& header = frame.header;
  if (header.length > kMaxPayload) {
    return Refuse(header.stream_id, absl::ResourceExhaustedError(
                                        StrCat("message of ", header.length, " bytes is over the ",
                                               kMaxPayload, " byte limit")));
  }
  if (header.stream_id % 2 != 1) {
    return Refuse(header.stream_id, absl::InvalidArgumentError(StrCat(
                                        "stream id ", header.stream_id,
                                        " is even: ids of streams opened by clients are odd")));
  }
  if (header.type == FrameType::kRequest) return HandleRequest(std::move(frame));
  if (header.type == FrameType::kData) {
    return Refuse(header.stream_id,
                  absl::InvalidArgumentError(
                      StrCat("data frame for stream ", header.stream_id, ", which is not open")));
  }
  return absl::OkStatus();  // types of the future
}

absl::Status ServerConnection::HandleRequest(Frame frame) {
  const uint32_t stream_id = frame.header.stream_id;
  if (stream_id <= last_stream_id_) {
    return Refuse(stream_id, absl::InvalidArgumentError(
                                 StrCat("stream id ", stream_id, " is not above the last one, ",
                                        last_stream_id_, ": ids are never used again")));
  }
  last_stream_id_ = stream_id;
  if (frame.dropped) {
    return Refuse(stream_id, absl::ResourceExhaustedError(
                                 StrCat("running calls of this connection hold ",
                                        shared_.options.max_pending_bytes, " bytes, the limit")));
  }
  absl::StatusOr<Request> request = DecodeRequest(frame.payload);
  Bytes().swap(frame.payload);
  if (!request.ok()) return Refuse(stream_id, request.status());
  return StartCall(stream_id, *std::move(request), frame.header.length);
}

absl::Status ServerConnection::StartCall(uint32_t stream_id, Request request, size_t bytes) {
  const absl::Status over_limit = absl::ResourceExhaustedError(
      StrCat("the limit of ", shared_.options.max_calls, " running calls is reached"));
  if (!BeginCall(bytes)) return Refuse(stream_id, over_limit);
  const auto deadline = DeadlineOf(request);
  auto context = std::make_unique<CallContext>(std::move(request), deadline, stop_.get_token());
  const bool started = shared_.workers.TryRun(
      [this, stream_id, bytes, raw = context.get()] {
        RunCall(stream_id, std::unique_ptr<CallContext>(raw), bytes);
        EndCall();
      },
      kThreadWaitMs);
  if (started) {
    context.release();  // the thread's now
    return absl::OkStatus();
  }
  ReleaseCall(bytes);
  EndCall();
  return Refuse(stream_id, over_limit);
}

void ServerConnection::RunCall(uint32_t stream_id, std::unique_ptr<CallContext> context,
                               size_t bytes) {
  absl::StatusOr<std::string> answer = shared_.router(*context, context->payload());
  context.reset();
  ReleaseCall(bytes);
  // A failed write means that the connection broke, which the reading side sees and reports.
  Answer(stream_id, std::move(answer)).IgnoreError();
}

absl::Status ServerConnection::Answer(uint32_t stream_id, absl::StatusOr<std::string> answer) {
  ResponseParts parts = EncodeResponseParts(std::move(answer));
  const size_t size = parts.head.size() + parts.payload.size();
  if (size > kMaxPayload) {
    parts = EncodeResponseParts(absl::ResourceExhaustedError(
        StrCat("answer of ", size, " bytes is over the ", kMaxPayload, " byte limit")));
  }
  ASSIGN_OR_RETURN(Channel::Turn turn, channel_->BeginWrite());
  return turn.Write(stream_id, FrameType::kResponse, parts.payload, {}, parts.head);
}

bool ServerConnection::BeginCall(size_t bytes) {
  if (!shared_.slots.TryTake()) return false;
  std::lock_guard lock(mutex_);
  ++calls_;
  pending_bytes_ += bytes;
  return true;
}

// The handler is done.
void ServerConnection::ReleaseCall(size_t bytes) {
  {
    std::lock_guard lock(mutex_);
    pending_bytes_ -= bytes;
  }
  shared_.slots.Give();
}

// Nothing of the call touches this connection any more.
void ServerConnection::EndCall() {
  std::lock_guard lock(mutex_);
  --calls_;
  if (calls_ == 0) idle_.notify_all();
}

// How long the next payload may be.
size_t ServerConnection::Allowance() {
  std::lock_guard lock(mutex_);
  const size_t left = shared_.options.max_pending_bytes -
                      std::min(shared_.options.max_pending_bytes, pending_bytes_);
  return std::min(left, kMaxPayload);
}

}  // namespace nacre::ttrpc
