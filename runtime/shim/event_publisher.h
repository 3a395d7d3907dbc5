// Task events on their way to containerd, in the order they happened. Publish() never blocks; one
// thread sends, and keeps the first event until containerd took it, also over a restart of
// containerd. The queue is bounded; when it is full, new events are dropped and counted.
#pragma once

#include <google/protobuf/message.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "base/status.h"
#include "net/ttrpc/client.h"

namespace nacre::runtime {

struct EventPublisherOptions {
  std::string ns;
  std::string ttrpc_address;   // containerd's ttrpc socket, $TTRPC_ADDRESS
  std::string publish_binary;  // used when there is no ttrpc address
  std::string address;         // containerd's gRPC socket, for publish_binary
  size_t max_queue = 1024;
  int first_retry_ms = 50;  // doubled up to max_retry_ms
  int max_retry_ms = 2000;
};

class EventPublisher {
 public:
  explicit EventPublisher(EventPublisherOptions options);
  ~EventPublisher();  // what is still queued is lost; Flush() first
  EventPublisher(const EventPublisher&) = delete;
  EventPublisher& operator=(const EventPublisher&) = delete;

  void Publish(std::string_view topic, const google::protobuf::Message& event);
  // True when everything published so far was taken; false after `timeout_ms`.
  bool Flush(int timeout_ms);
  size_t dropped() const;

 private:
  struct Event {
    std::string topic;
    std::string any;      // serialised google.protobuf.Any
    std::string forward;  // serialised ForwardRequest
  };
  void Run(std::stop_token stop);
  absl::Status Send(const Event& event);
  absl::Status SendOverTtrpc(const Event& event);
  absl::Status SendByBinary(const Event& event);

  const EventPublisherOptions options_;
  std::unique_ptr<ttrpc::Client> client_;  // the sending thread's

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Event> queue_;
  size_t dropped_ = 0;
  std::jthread thread_;  // last: it uses all the above
};

}  // namespace nacre::runtime
