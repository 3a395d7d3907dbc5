#include "attestation/broker/metrics.h"

#include <algorithm>
#include <cstdio>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

constexpr size_t kMaxCodes = 256;  // reason codes are few; a mistake must not grow without bound

std::string Seconds(int64_t microseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", static_cast<double>(microseconds) / 1e6);
  return text;
}

void Head(std::string* out, std::string_view name, std::string_view type, std::string_view help) {
  StrAppend(out, "# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
}

// Resident memory in bytes, 0 when /proc does not say.
uint64_t ResidentBytes() {
  const auto text = ReadTextFile("/proc/self/statm", 4096);
  if (!text.ok()) return 0;
  unsigned long long size = 0, resident = 0;
  if (std::sscanf(text->c_str(), "%llu %llu", &size, &resident) != 2) return 0;
  return resident * 4096;
}

}  // namespace

void Metrics::Count(std::string_view route, int status, std::string_view code, int64_t took_us) {
  std::lock_guard lock(mutex_);
  ++requests_[{std::string(route), status}];
  if (!code.empty() && (refusals_.size() < kMaxCodes || refusals_.contains(std::string(code)))) {
    ++refusals_[std::string(code)];
  }
  Histogram& histogram = durations_[std::string(route)];
  const auto bound = std::ranges::lower_bound(kBounds, took_us);
  ++histogram.buckets[static_cast<size_t>(bound - kBounds.begin())];
  histogram.sum_us += took_us;
  ++histogram.count;
}

std::string Metrics::Text() const {
  std::string out;
  std::lock_guard lock(mutex_);
  Head(&out, "nacre_kbs_requests_total", "counter", "Requests answered.");
  for (const auto& [key, count] : requests_) {
    StrAppend(&out, "nacre_kbs_requests_total{route=\"", key.first, "\",status=\"", key.second,
              "\"} ", count, "\n");
  }
  Head(&out, "nacre_kbs_refusals_total", "counter", "Requests refused, by reason code.");
  for (const auto& [code, count] : refusals_) {
    StrAppend(&out, "nacre_kbs_refusals_total{code=\"", code, "\"} ", count, "\n");
  }
  Head(&out, "nacre_kbs_request_seconds", "histogram", "Time to answer, without the network.");
  for (const auto& [route, histogram] : durations_) {
    uint64_t total = 0;
    const std::string labels = StrCat("{route=\"", route, "\"");
    for (size_t i = 0; i < kBounds.size(); ++i) {
      total += histogram.buckets[i];
      StrAppend(&out, "nacre_kbs_request_seconds_bucket", labels, ",le=\"", Seconds(kBounds[i]),
                "\"} ", total, "\n");
    }
    StrAppend(&out, "nacre_kbs_request_seconds_bucket", labels, ",le=\"+Inf\"} ", histogram.count,
              "\n", "nacre_kbs_request_seconds_sum", labels, "} ", Seconds(histogram.sum_us), "\n",
              "nacre_kbs_request_seconds_count", labels, "} ", histogram.count, "\n");
  }
  Head(&out, "process_resident_memory_bytes", "gauge", "Resident memory.");
  StrAppend(&out, "process_resident_memory_bytes ", ResidentBytes(), "\n");
  return out;
}

}  // namespace nacre::attestation
