// A TCP proxy on loopback that cuts connections at random places: by closing them, or by a reset.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "base/unique_fd.h"

namespace nacre::image::testing {

class FaultProxy {
 public:
  // In front of "127.0.0.1:<port>". A connection is cut after some bytes towards the client, any
  // number up to `most_bytes` equally likely.
  static absl::StatusOr<std::unique_ptr<FaultProxy>> Start(const std::string& upstream,
                                                           uint32_t most_bytes, uint32_t seed);
  ~FaultProxy();

  const std::string& host() const { return host_; }
  int cuts() const { return cuts_; }
  // Connections that are still open.
  int open() const { return open_; }

 private:
  FaultProxy(uint32_t most_bytes, uint32_t seed) : most_bytes_(most_bytes), random_(seed) {}
  void Accept();
  void Carry(UniqueFd client, uint32_t bytes, bool reset);

  uint16_t upstream_port_ = 0;
  std::string host_;
  UniqueFd listener_;
  Pipe stop_;
  const uint32_t most_bytes_;
  std::mt19937 random_;
  std::atomic<int> cuts_ = 0, open_ = 0;
  std::thread accepting_;
};

}  // namespace nacre::image::testing
