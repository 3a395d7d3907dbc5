// A TCP proxy that passes bytes on until it has passed as many as it was told, and then resets both
// sides: what a network that fails in the middle looks like.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/status.h"
#include "base/unique_fd.h"

namespace nacre::image::testing {

class CuttingProxy {
 public:
  // How many bytes of the server's answers the next connection may carry; UINT64_MAX: all.
  using Budget = std::function<uint64_t()>;
  // To 127.0.0.1:`port`.
  static absl::StatusOr<std::unique_ptr<CuttingProxy>> Start(uint16_t port, Budget budget);
  ~CuttingProxy();

  std::string host() const;  // "127.0.0.1:41234"
  uint32_t cuts() const { return cuts_; }

 private:
  CuttingProxy(UniqueFd listener, uint16_t own_port, uint16_t port, Budget budget)
      : listener_(std::move(listener)),
        own_port_(own_port),
        port_(port),
        budget_(std::move(budget)) {}
  void Accept();
  void Pass(UniqueFd client, uint64_t budget);

  UniqueFd listener_;
  const uint16_t own_port_;
  const uint16_t port_;
  const Budget budget_;
  std::atomic<uint32_t> cuts_ = 0;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::condition_variable passed_;
  uint32_t passing_ = 0;  // connections under way; guarded by mutex_
  std::jthread acceptor_;
};

}  // namespace nacre::image::testing
