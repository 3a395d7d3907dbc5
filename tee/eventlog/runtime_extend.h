// Measuring at run time: the log file beside a register that software extends, and TDX's registers
// as Linux offers them. (PCRs are extended through tee/tpm/device.h.)
//
// The log is the crypto-agile format, so that a verifier reads firmware's and software's events
// with the same code: the two joined are one log.
#pragma once

#include <string>
#include <vector>

#include "tee/eventlog/event_log.h"

namespace nacre::tee::eventlog {

// Appends one event with these digests (one for each of `banks`) to the log at `path`, which is
// made, with its header, when it does not exist. To be called after the register was extended: an
// event that is missing is found by every verifier, one too many as well.
absl::Status AppendEvent(const std::string& path, const std::vector<Bank>& banks, uint32_t index,
                         uint32_t type, const std::vector<Bytes>& digests, ByteView data);

// The firmware's log with the events of the log at `path` (none when there is no such file) behind
// its own, padding left out. kInvalidArgument when either is not a log, or their banks differ.
absl::StatusOr<Bytes> JoinLogs(ByteView firmware, Registers registers, const std::string& path);

// RTMR `number` (2 or 3: Linux keeps 0 and 1 to the firmware) of this TD, extended with a SHA-384
// digest through <folder>/rtmr<number>:sha384, which is
// /sys/devices/virtual/misc/tdx_guest/measurements on Linux 6.16 and later.
absl::Status ExtendRtmr(const std::string& folder, int number, ByteView digest);

}  // namespace nacre::tee::eventlog
