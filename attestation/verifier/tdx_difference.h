// Why the registers of a trust domain differ from the ones expected, in words.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "tee/common/launch_inputs.h"
#include "tee/tdx/measurement.h"
#include "tee/tdx/quote.h"

namespace nacre::attestation {

struct TdxLaunch {
  tee::LaunchInputs inputs;
  tee::tdx::TdxLaunchOptions options;
  tee::tdx::TdxLaunchFiles files;
  // Other files, by name, tried in the place of firmware, kernel and initrd.
  std::vector<std::pair<std::string, Bytes>> also;
};

struct RegisterFinding {
  std::string name;  // "MRTD", "RTMR0"
  bool same = false;
  std::string why;  // when not the same: what differs, or that nothing tried accounts for it
};

// One finding a register that the launch covers. A log that replays to the guest's register names
// the first event that differs; without one, likely variations are tried: the profile, the memory
// size, the command line without each of its arguments, no initrd, and the files of `also`.
absl::StatusOr<std::vector<RegisterFinding>> ExplainTdxDifference(const TdxLaunch& launch,
                                                                  const tee::tdx::TdBody& got,
                                                                  ByteView event_log);

}  // namespace nacre::attestation
