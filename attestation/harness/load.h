// Many guests at once: how many handshakes a broker does a second, and how long each one waits.
// A few threads hold all the connections, each of which does one handshake after the other.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "attestation/harness/guest.h"
#include "attestation/harness/probe.h"
#include "base/json.h"

namespace nacre::attestation::harness {

struct LoadOptions {
  size_t clients = 16;  // connections
  int64_t seconds = 10;
  size_t threads = 2;
  std::string resource{};  // fetched in each handshake; empty: none
  bool keep_alive = true;  // or a new connection for each handshake
};

// Microseconds from the first byte sent to the last received, sorted.
class Latencies {
 public:
  void Add(int64_t us) { values_.push_back(us); }
  void Merge(const Latencies& other);
  void Sort();
  size_t count() const { return values_.size(); }
  // The smallest value that `share` (0..1) of them do not exceed; 0 when there is none.
  int64_t Percentile(double share) const;

 private:
  std::vector<int64_t> values_;
};

struct LoadReport {
  std::string broker{};
  std::string guest{};
  LoadOptions options{};
  int64_t took_us = 0;
  uint64_t connections = 0;  // opened in all
  // Of one step, and "handshake": all of them without the guest's own work.
  std::map<std::string, Latencies> latencies{};
  std::map<std::string, uint64_t> errors{};  // "401 launch-measurement", "closed in attest", ...

  uint64_t handshakes() const;
  uint64_t failures() const;
};

// An error only when nothing could be begun.
absl::StatusOr<LoadReport> RunLoad(Probe& probe, Guest& guest, const LoadOptions& options);

std::string FormatLoad(const LoadReport& report);
Json LoadToJson(const LoadReport& report);

}  // namespace nacre::attestation::harness
