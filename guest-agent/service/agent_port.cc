#include "guest-agent/service/agent_port.h"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>

#include "api/agent_address.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "guest-agent/service/await_device.h"
#include "guest-agent/service/timeline.h"
#include "net/stream.h"

namespace nacre::guest_agent {
namespace {

constexpr size_t kMaxCalls = 256;       // several wait per process: exit, output, errors
constexpr size_t kCallStack = 1 << 20;  // pulling an image runs on a call's thread
constexpr int kDeviceTimeoutMs = 10000;

// Virtio 1.2, sections 4.1.2.1 and 5: vendor 0x1af4, device 0x1040 + 19, or the transitional id.
constexpr std::string_view kVirtioVendor = "0x1af4";
constexpr std::string_view kVsockDevice = "0x1053";
constexpr std::string_view kTransitionalVsockDevice = "0x1012";

std::string Attribute(const std::filesystem::path& device, const char* name) {
  const auto text = ReadTextFile((device / name).string(), 64);
  return text.ok() ? std::string(StripSpace(*text)) : "";
}

// A virtio-serial port outlives its connections: the host may come back.
absl::Status ServeVirtioPort(ttrpc::Server* server, const std::stop_token& stop) {
  absl::StatusOr<UniqueFd> port = absl::NotFoundError("not tried");
  RETURN_IF_ERROR(AwaitDevice(
      "virtio-serial port of the agent",
      [&] {
        port = net::OpenVirtioPort(api::kAgentVirtioPort);
        return !absl::IsNotFound(port.status());
      },
      kDeviceTimeoutMs));
  RETURN_IF_ERROR(port.status());
  LogTimeline("agent_ready");
  while (!stop.stop_requested()) {
    RETURN_IF_ERROR(net::AwaitVirtioPeer(port->get(), -1));
    UniqueFd connection(fcntl(port->get(), F_DUPFD_CLOEXEC, 3));
    if (!connection.valid()) return ErrnoStatus(errno, "agent port");
    const absl::Status status = server->ServeConnection(std::move(connection));
    if (!status.ok()) Log(LogLevel::kWarning, "connection_broken", {{"error", status.ToString()}});
  }
  return absl::OkStatus();
}

absl::Status ServeVsock(ttrpc::Server* server) {
  ASSIGN_OR_RETURN(UniqueFd listener, net::ListenVsock(net::kAnyCid, api::kAgentVsockPort));
  LogTimeline("agent_ready");
  return server->Serve(std::move(listener));
}

}  // namespace

AgentPort FindAgentPort(const std::string& pci_devices) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(pci_devices, error)) {
    if (Attribute(entry.path(), "vendor") != kVirtioVendor) continue;
    const std::string device = Attribute(entry.path(), "device");
    if (device == kVsockDevice || device == kTransitionalVsockDevice) return AgentPort::kVsock;
  }
  return AgentPort::kVirtioSerial;
}

ttrpc::ServerOptions AgentServerOptions() {
  ttrpc::ServerOptions options;
  options.max_calls = kMaxCalls;
  options.stack_size = kCallStack;
  options.require_cid = net::kHostCid;
  return options;
}

absl::Status ServeAgentPort(AgentPort port, ttrpc::Server* server, const std::stop_token& stop) {
  return port == AgentPort::kVsock ? ServeVsock(server) : ServeVirtioPort(server, stop);
}

}  // namespace nacre::guest_agent
