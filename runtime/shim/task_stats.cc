#include "runtime/shim/task_stats.h"

namespace nacre::runtime {
namespace {

namespace v1 = io::containerd::cgroups::v1;

void FillMemory(const grpc::MemoryData& from, v1::MemoryEntry* to) {
  to->set_limit(from.limit());
  to->set_usage(from.usage());
  to->set_max(from.max_usage());
  to->set_failcnt(from.failcnt());
}

void FillCpu(const grpc::CpuStats& from, v1::CPUStat* to) {
  to->mutable_usage()->set_total(from.cpu_usage().total_usage());
  to->mutable_usage()->set_kernel(from.cpu_usage().usage_in_kernelmode());
  to->mutable_usage()->set_user(from.cpu_usage().usage_in_usermode());
  to->mutable_throttling()->set_periods(from.throttling_data().periods());
  to->mutable_throttling()->set_throttled_periods(from.throttling_data().throttled_periods());
  to->mutable_throttling()->set_throttled_time(from.throttling_data().throttled_time());
}

}  // namespace

v1::Metrics MetricsFromGuest(const grpc::StatsContainerResponse& stats) {
  v1::Metrics metrics;
  const grpc::CgroupStats& guest = stats.cgroup_stats();
  metrics.mutable_pids()->set_current(guest.pids_stats().current());
  metrics.mutable_pids()->set_limit(guest.pids_stats().limit());
  FillCpu(guest.cpu_stats(), metrics.mutable_cpu());
  metrics.mutable_memory()->set_cache(guest.memory_stats().cache());
  FillMemory(guest.memory_stats().usage(), metrics.mutable_memory()->mutable_usage());
  FillMemory(guest.memory_stats().swap_usage(), metrics.mutable_memory()->mutable_swap());
  for (const grpc::NetworkStats& card : stats.network_stats()) {
    v1::NetworkStat* to = metrics.add_network();
    to->set_name(card.name());
    to->set_rx_bytes(card.rx_bytes());
    to->set_rx_packets(card.rx_packets());
    to->set_rx_errors(card.rx_errors());
    to->set_rx_dropped(card.rx_dropped());
    to->set_tx_bytes(card.tx_bytes());
    to->set_tx_packets(card.tx_packets());
    to->set_tx_errors(card.tx_errors());
    to->set_tx_dropped(card.tx_dropped());
  }
  return metrics;
}

}  // namespace nacre::runtime
