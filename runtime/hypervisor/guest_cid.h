// A guest's address on the host's vsock: claimed from the kernel before QEMU starts, so that two
// pods never meet on one context id.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "base/unique_fd.h"

namespace nacre::runtime {

struct GuestCid {
  UniqueFd device;   // the vhost device QEMU serves the guest with; closing it gives the id back
  uint32_t cid = 0;  // 3 and up: 0..2 are hypervisor, loopback and host
};

inline constexpr char kVhostVsock[] = "/dev/vhost-vsock";

// A context id no other guest of this host has. kUnavailable when this host's kernel offers no such
// device, naming it.
absl::StatusOr<GuestCid> ClaimGuestCid(const std::string& device = kVhostVsock);

}  // namespace nacre::runtime
