// What the measured kernel command line tells the agent. Only `nacre.*` words are ours; one that is
// not known is refused, so that a measurement never covers a setting nobody honours.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace nacre::guest_agent {

struct CommandLine {
  std::string text;  // as read, without the final newline
  bool emulated_tee = false;
  bool policy_debug = false;
};

// nacre.tee=emulated     evidence comes from the emulator (nothing else is a valid value)
// nacre.policy_debug=1   the console tells every request of the host, and why the policy denied
//                        one, with all their values (nothing else is a valid value)
// Words are separated by spaces; a quoted word counts as one, as the kernel reads it. Every key may
// stand once. kInvalidArgument for an unknown or repeated nacre.* key or a bad value; bytes that
// are not printable ASCII; more than kMaxCommandLine bytes.
absl::StatusOr<CommandLine> ParseCommandLine(std::string_view text);

}  // namespace nacre::guest_agent
