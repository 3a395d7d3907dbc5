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

class ServerConnection {
 public:
  // `router` and `workers` outlive the connection.
  ServerConnection(std::unique_ptr<Channel> channel, const Handler& router, WorkerPool& workers,
                   const ServerOptions& options);

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
  absl::Status StartCall(uint32_t stream_id, Request request);
  absl::Status Answer(uint32_t stream_id, const absl::StatusOr<std::string>& answer);
  absl::Status Refuse(uint32_t stream_id, const absl::Status& why) {
    return Answer(stream_id, why);
  }
  void CallBegins(size_t bytes);
  void CallEnds(size_t bytes);
  size_t Allowance();

  const std::unique_ptr<Channel> channel_;
  const Handler& router_;
  WorkerPool& workers_;
  const ServerOptions& options_;
  std::stop_source stop_;
  std::atomic<bool> stopped_ = false;
  uint32_t last_stream_id_ = 0;

  std::mutex mutex_;
  std::condition_variable idle_;
  size_t calls_ = 0;          // guarded by mutex_
  size_t pending_bytes_ = 0;  // guarded by mutex_
};

}  // namespace nacre::ttrpc
