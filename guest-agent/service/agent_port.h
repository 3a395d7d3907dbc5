// Where the host reaches the agent: vsock port 1024 when this machine has a vsock device, else the
// virtio-serial port org.nacre.agent.0. The machine decides, not the measured command line: both
// carry the same hostile bytes, and so one measurement fits every host.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "net/ttrpc/server.h"

namespace nacre::guest_agent {

enum class AgentPort { kVirtioSerial, kVsock };

// Looks at the PCI bus, which needs no driver. The folder is /sys/bus/pci/devices, or a test's.
AgentPort FindAgentPort(const std::string& pci_devices = "/sys/bus/pci/devices");

// Only the host may connect: a container could otherwise reach its own guest's agent over vsock.
ttrpc::ServerOptions AgentServerOptions();

// Says `agent_ready` on the timeline and serves until the server stops (OK) or the port fails.
absl::Status ServeAgentPort(AgentPort port, ttrpc::Server* server, const std::stop_token& stop);

}  // namespace nacre::guest_agent
