#include "runtime/shim/event_publisher.h"

#include <algorithm>
#include <chrono>

#include "api/containerd.h"
#include "api/containerd/ttrpc_events.pb.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "net/stream.h"
#include "runtime/shim/timestamp.h"

namespace nacre::runtime {
namespace {

constexpr int kSendTimeoutMs = 5000;
constexpr char kService[] = "containerd.services.events.ttrpc.v1.Events";

// Whether containerd said no, rather than was not there.
bool IsRefusal(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsUnimplemented(status) ||
         absl::IsPermissionDenied(status);
}

}  // namespace

EventPublisher::EventPublisher(EventPublisherOptions options)
    : options_(std::move(options)), thread_([this](std::stop_token stop) { Run(stop); }) {}

EventPublisher::~EventPublisher() = default;

void EventPublisher::Publish(std::string_view topic, const google::protobuf::Message& event) {
  const google::protobuf::Any any = api::PackForContainerd(event);
  containerd::services::events::ttrpc::v1::ForwardRequest request;
  auto* envelope = request.mutable_envelope();
  *envelope->mutable_timestamp() = Now();
  envelope->set_namespace_(options_.ns);
  envelope->set_topic(std::string(topic));
  *envelope->mutable_event() = any;
  std::lock_guard lock(mutex_);
  if (queue_.size() >= options_.max_queue) {
    if (dropped_++ == 0) Log(LogLevel::kError, "event_queue_full", {{"topic", topic}});
    return;
  }
  queue_.push_back({std::string(topic), any.SerializeAsString(), request.SerializeAsString()});
  changed_.notify_all();
}

bool EventPublisher::Flush(int timeout_ms) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                           [this] { return queue_.empty(); });
}

size_t EventPublisher::dropped() const {
  std::lock_guard lock(mutex_);
  return dropped_;
}

void EventPublisher::Run(std::stop_token stop) {
  int retry_ms = options_.first_retry_ms;
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !queue_.empty(); })) {
    // A deque keeps its elements where they are while others are added behind.
    const Event& event = queue_.front();
    lock.unlock();
    const absl::Status sent = Send(event);
    lock.lock();
    if (!sent.ok() && !IsRefusal(sent)) {
      if (retry_ms == options_.first_retry_ms) {
        Log(LogLevel::kWarning, "event_delayed",
            {{"topic", event.topic}, {"error", Message(sent)}});
      }
      changed_.wait_for(lock, stop, std::chrono::milliseconds(retry_ms), [] { return false; });
      if (stop.stop_requested()) return;
      retry_ms = std::min(retry_ms * 2, options_.max_retry_ms);
      continue;
    }
    if (!sent.ok()) {
      Log(LogLevel::kError, "event_refused", {{"topic", event.topic}, {"error", Message(sent)}});
    }
    retry_ms = options_.first_retry_ms;
    queue_.pop_front();
    changed_.notify_all();
  }
}

absl::Status EventPublisher::Send(const Event& event) {
  return options_.ttrpc_address.empty() ? SendByBinary(event) : SendOverTtrpc(event);
}

absl::Status EventPublisher::SendOverTtrpc(const Event& event) {
  if (!client_) {
    std::string_view address = options_.ttrpc_address;
    if (address.starts_with("unix://")) address.remove_prefix(7);
    ASSIGN_OR_RETURN(UniqueFd socket, net::ConnectUnix(address));
    ASSIGN_OR_RETURN(client_, ttrpc::Client::Create(std::move(socket)));
  }
  ttrpc::CallOptions call;
  call.timeout_ms = kSendTimeoutMs;
  const absl::Status status = client_->Call(kService, "Forward", event.forward, call).status();
  if (!status.ok() && !IsRefusal(status)) client_.reset();
  return status;
}

absl::Status EventPublisher::SendByBinary(const Event& event) {
  if (options_.publish_binary.empty()) {
    return absl::InvalidArgumentError("neither TTRPC_ADDRESS nor -publish-binary was given");
  }
  SubprocessOptions child;
  child.argv = {
      options_.publish_binary, "--address", options_.address, "publish", "--topic", event.topic,
      "--namespace",           options_.ns};
  ASSIGN_OR_RETURN(CommandResult result,
                   RunCommand(child, AsBytes(event.any), 64 << 10, kSendTimeoutMs));
  if (result.exit.code == 0) return absl::OkStatus();
  return absl::UnavailableError(
      StrCat(options_.publish_binary, ": exit ", result.exit.code, ": ", StripSpace(result.err)));
}

}  // namespace nacre::runtime
