// One connection of a server: reads requests, runs them, writes answers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "net/ttrpc/channel.h"
#include "net/ttrpc/server.h"
#include "net/ttrpc/worker_pool.h"

namespace nacre::ttrpc {

// How many calls run, over all connections of a server.
class CallSlots {
 public:
  explicit CallSlots(size_t max) : free_(max) {}
  bool TryTake();
  void Give() { ++free_; }

 private:
  std::atomic<size_t> free_;
};

class ServerConnection {
 public:
  // What all connections of a server share; outlives them.
  struct Shared {
    const ServerOptions& options;
    const Handler& router;
    CallSlots& slots;
    WorkerPool& workers;
  };
  ServerConnection(std::unique_ptr<Channel> channel, const Shared& shared)
      : channel_(std::move(channel)), shared_(shared) {}

  // Reads until the peer closes or Stop(); returns when no call of this connection runs.
  absl::Status Run();
  void Stop() {
    stopped_ = true;
    channel_->StopReading();
  }

 private:
  absl::Status ReadRequests();
  absl::Status HandleFrame(Frame frame);
  absl::Status HandleRequest(Frame frame);
  absl::Status StartCall(uint32_t stream_id, Request request, size_t bytes);
  void RunCall(uint32_t stream_id, std::unique_ptr<CallContext> context, size_t bytes);
  absl::Status Answer(uint32_t stream_id, absl::StatusOr<std::string> answer);
  absl::Status Refuse(uint32_t stream_id, const absl::Status& why) {
    return Answer(stream_id, why);
  }
  bool BeginCall(size_t bytes);
  void ReleaseCall(size_t bytes);
  void EndCall();
  size_t Allowance();

  const std::unique_ptr<Channel> channel_;
  const Shared shared_;
  std::stop_source stop_;
  std::atomic<bool> stopped_ = false;
  uint32_t last_stream_id_ = 0;

  std::mutex mutex_;
  std::condition_variable idle_;
  size_t calls_ = 0;          // guarded by mutex_: not ended yet
  size_t pending_bytes_ = 0;  // guarded by mutex_: their frames
};

}  // namespace nacre::ttrpc
