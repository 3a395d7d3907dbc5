// For tests: an HTTP proxy that knows CONNECT and nothing else.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace nacre::net {

class StandInProxy {
 public:
  // Answers each CONNECT with this status, and passes bytes on when it is 200.
  explicit StandInProxy(int status = 200);
  ~StandInProxy();

  std::string url() const;        // "http://127.0.0.1:41234"
  std::string asked_for() const;  // target of the last CONNECT
  int connections() const { return connections_; }

 private:
  void Serve();
  void Pass(UniqueFd client);

  int status_;
  uint16_t port_ = 0;
  UniqueFd listener_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> connections_ = 0;
  mutable std::mutex mutex_;  // of the next
  std::string asked_for_;
  std::vector<std::thread> passing_;  // of the serving thread
  std::thread serving_;
};

}  // namespace nacre::net
