// Where the host's shim meets the guest's agent: on vsock where the machine has it, else on a
// virtio-serial port; and the names of the other ports between them.
#pragma once

#include <cstdint>
#include <string_view>

namespace nacre::api {

inline constexpr uint32_t kAgentVsockPort = 1024;
inline constexpr std::string_view kAgentVirtioPort = "org.nacre.agent.0";
inline constexpr std::string_view kInitdataVirtioPort = "org.nacre.initdata.0";
inline constexpr std::string_view kNodeCacheVirtioPort = "org.nacre.blobs.0";

}  // namespace nacre::api
