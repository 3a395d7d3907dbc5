// The agent proper: proves to itself what was launched, then serves the host through the dispatcher
// until the sandbox is destroyed. Everything up to the open port fails closed: on any doubt the
// process ends, and PID 1 powers the machine off.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "guest-agent/service/command_line.h"
#include "guest-agent/service/initdata_port.h"
#include "guest-agent/service/launch_check.h"
#include "tee/common/evidence.h"

namespace nacre::guest_agent {

// Where the guest is looked at. Other values are for tests.
struct AgentPaths {
  std::string command_line = "/proc/cmdline";
  net::VirtioPortPaths ports;
  int device_timeout_ms = 10000;
};

// What a guest has to know about itself before it opens a port.
struct ProvenGuest {
  CommandLine command_line;
  std::string initdata_document;
  LaunchIdentity identity;
};

// Reads command line and initdata and checks them against a report of `evidence`; with none given,
// against the source this command line selects, which is stored there.
absl::StatusOr<ProvenGuest> ProveGuest(const AgentPaths& paths,
                                       std::unique_ptr<tee::EvidenceSource>* evidence);

// Proves, serves, returns when the sandbox was destroyed (OK) or with the reason why not.
absl::Status RunAgent();

}  // namespace nacre::guest_agent
