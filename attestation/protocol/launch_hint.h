// What a guest says it was started with. Never trusted: it only serves to explain a refusal, and
// only after the launch digest computed from it equals the reported measurement.
#pragma once

#include <cstdint>
#include <string>

namespace nacre::attestation {

struct LaunchHint {
  std::string command_line;
  uint32_t vcpus = 0;
};

}  // namespace nacre::attestation
