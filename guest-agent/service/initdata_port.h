// Reads the initdata document the host hands over, from a virtio-serial port of its own. Nothing in
// it is believed until service/launch_check.h has compared its digest with the hardware's.
#pragma once

#include <string>

#include "base/status.h"
#include "net/stream.h"

namespace nacre::guest_agent {

// The document of the image (tee/common/initdata.h) the port gives. kDeadlineExceeded: no such port
// appears, no host is behind it, or it stops in the middle, each within `timeout_ms`; kNotFound:
// the host has no initdata to give; else as DecodeInitdataImage.
absl::StatusOr<std::string> ReadInitdataPort(int timeout_ms,
                                             const net::VirtioPortPaths& paths = {});

// The same once the port is open and has a host.
absl::StatusOr<std::string> ReadInitdata(int port, int timeout_ms);

}  // namespace nacre::guest_agent
