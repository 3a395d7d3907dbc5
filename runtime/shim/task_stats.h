// The guest's cgroup figures in the form containerd hands on (io.containerd.cgroups.v1.Metrics).
#pragma once

#include "api/agent.pb.h"
#include "api/containerd/metrics.pb.h"

namespace nacre::runtime {

io::containerd::cgroups::v1::Metrics MetricsFromGuest(const grpc::StatsContainerResponse& stats);

}  // namespace nacre::runtime
