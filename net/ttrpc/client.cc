// Callers write their own requests, one after the other (a turn gives the next stream id and the
// right to write, so ids rise on the wire), and then sleep. One thread reads answers and wakes the
// caller whose id it finds. A caller that gives up takes its id out of the table; an answer to an
// id that is not there is thrown away.
#include "net/ttrpc/client.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>

#include "base/strings.h"
#include "net/ttrpc/channel.h"
#include "net/ttrpc/worker_pool.h"

namespace nacre::ttrpc {
namespace {

using std::chrono::steady_clock;

struct WaitingCall {
  std::condition_variable_any answered;
  std::optional<absl::StatusOr<Answer>> answer;
};

Deadline DeadlineIn(int64_t timeout_ms) {
  if (timeout_ms <= 0) return std::nullopt;
  return steady_clock::now() + std::chrono::milliseconds(timeout_ms);
}

// A request that could not be sent: late, or for whatever reason the connection is no more.
absl::Status WriteError(const absl::Status& status) {
  if (status.ok() || absl::IsDeadlineExceeded(status)) return status;
  return absl::UnavailableError(status.message());
}

absl::StatusOr<Answer> AnswerIn(Frame frame) {
  if (frame.dropped) {
    return absl::ResourceExhaustedError(StrCat("answer of ", frame.header.length,
                                               " bytes is over the ", kMaxPayload, " byte limit"));
  }
  if (frame.header.type != FrameType::kResponse) {
    return absl::InternalError(StrCat("answer has frame type ", static_cast<int>(frame.header.type),
                                      ", expected a response"));
  }
  return DecodeAnswer(std::move(frame.payload));
}

}  // namespace

struct Client::State {
  explicit State(ClientOptions options_arg)
      : options(std::move(options_arg)), reader(1, 0, options.stack_size) {}

  void ReadAnswers();
  void End(absl::Status why);
  absl::StatusOr<uint32_t> Register(WaitingCall* call);
  absl::Status Send(Request request, Deadline deadline, WaitingCall* call, uint32_t* stream_id);
  absl::StatusOr<Answer> Await(WaitingCall& call, const CallOptions& call_options,
                               Deadline deadline);

  const ClientOptions options;
  std::unique_ptr<Channel> channel;

  std::mutex mutex;
  // Below: guarded by mutex.
  std::map<uint32_t, WaitingCall*> waiting;
  uint64_t next_stream_id = 1;
  bool closing = false;               // Close() was called
  std::optional<absl::Status> ended;  // what later calls get

  WorkerPool reader;  // last: gone before the rest
};

absl::StatusOr<std::unique_ptr<Client>> Client::Create(UniqueFd fd, ClientOptions options) {
  auto state = std::make_shared<State>(std::move(options));
  ASSIGN_OR_RETURN(state->channel, Channel::Create(std::move(fd)));
  if (!state->reader.TryRun([state = state.get()] { state->ReadAnswers(); })) {
    return absl::ResourceExhaustedError("no thread for a ttrpc client");
  }
  return std::unique_ptr<Client>(new Client(std::move(state)));
}

Client::~Client() { Close(); }

void Client::Close() {
  {
    std::lock_guard lock(state_->mutex);
    state_->closing = true;
  }
  state_->channel->Break(absl::CancelledError("the client is closed"));
}

void Client::State::ReadAnswers() {
  for (;;) {
    absl::StatusOr<Frame> frame = channel->Read([] { return kMaxPayload; });
    if (!frame.ok()) return End(frame.status());
    const uint32_t id = frame->header.stream_id;
    absl::StatusOr<Answer> answer = AnswerIn(*std::move(frame));
    std::lock_guard lock(mutex);
    const auto found = waiting.find(id);
    if (found == waiting.end()) continue;
    found->second->answer = std::move(answer);
    found->second->answered.notify_all();
    waiting.erase(found);
  }
}

void Client::State::End(absl::Status why) {
  {
    std::lock_guard lock(mutex);
    ended = absl::UnavailableError(why.message());
    const absl::Status verdict =
        closing ? absl::CancelledError("the client was closed while the call was waiting")
                : absl::UnavailableError(StrCat(Message(why), " before it answered"));
    for (auto& [id, call] : waiting) {
      call->answer = verdict;
      call->answered.notify_all();
    }
    waiting.clear();
    if (closing) why = absl::OkStatus();
  }
  if (options.on_close) options.on_close(why);
}

absl::StatusOr<uint32_t> Client::State::Register(WaitingCall* call) {
  std::lock_guard lock(mutex);
  if (ended) return *ended;
  if (waiting.size() >= options.max_calls) {
    return absl::ResourceExhaustedError(
        StrCat("the limit of ", options.max_calls, " waiting calls is reached"));
  }
  if (next_stream_id > UINT32_MAX) {
    return absl::ResourceExhaustedError("all stream ids of this connection are used: reconnect");
  }
  const uint32_t id = static_cast<uint32_t>(next_stream_id);
  next_stream_id += 2;
  waiting[id] = call;
  return id;
}

absl::Status Client::State::Send(Request request, Deadline deadline, WaitingCall* call,
                                 uint32_t* stream_id) {
  absl::StatusOr<Channel::Turn> turn = channel->BeginWrite(deadline);
  if (!turn.ok()) return WriteError(turn.status());
  if (deadline) {
    // 0 would mean "no deadline": the last nanosecond stands for "now".
    request.timeout_ns =
        std::max<int64_t>(1, std::chrono::nanoseconds(*deadline - steady_clock::now()).count());
  }
  const std::string payload = EncodeRequest(request);
  if (payload.size() > kMaxPayload) {
    return absl::ResourceExhaustedError(
        StrCat("request of ", payload.size(), " bytes is over the ", kMaxPayload, " byte limit"));
  }
  ASSIGN_OR_RETURN(*stream_id, Register(call));
  return WriteError(turn->Write(*stream_id, FrameType::kRequest, payload, deadline));
}

absl::StatusOr<Answer> Client::State::Await(WaitingCall& call, const CallOptions& call_options,
                                            Deadline deadline) {
  auto done = [&call] { return call.answer.has_value(); };
  std::unique_lock lock(mutex);
  if (!deadline) {
    call.answered.wait(lock, call_options.stop, done);
  } else {
    call.answered.wait_until(lock, call_options.stop, *deadline, done);
  }
  if (done()) return *std::move(call.answer);
  if (call_options.stop.stop_requested()) return absl::CancelledError("the caller gave up");
  return absl::DeadlineExceededError(StrCat("no answer within ", call_options.timeout_ms, " ms"));
}

absl::StatusOr<std::string> Client::Call(std::string_view service, std::string_view method,
                                         std::string_view payload, const CallOptions& options) {
  ASSIGN_OR_RETURN(const Answer answer, CallInPlace(service, method, payload, options));
  return std::string(AsText(answer.payload()));
}

absl::StatusOr<Answer> Client::CallInPlace(std::string_view service, std::string_view method,
                                           std::string_view payload, const CallOptions& options) {
  const Deadline deadline = DeadlineIn(options.timeout_ms);
  WaitingCall call;
  uint32_t stream_id = 0;
  Request request{.service = std::string(service),
                  .method = std::string(method),
                  .payload = std::string(payload),
                  .timeout_ns = 0,
                  .metadata = options.metadata};
  const absl::Status sent = state_->Send(std::move(request), deadline, &call, &stream_id);
  absl::StatusOr<Answer> answer = sent.ok() ? state_->Await(call, options, deadline) : sent;
  std::lock_guard lock(state_->mutex);
  state_->waiting.erase(stream_id);  // when it gave up
  return answer;
}

}  // namespace nacre::ttrpc
