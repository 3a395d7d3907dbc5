// Why a launch measurement differs from the one expected, in words.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/protocol/launch_hint.h"
#include "base/bytes.h"
#include "tee/common/measurement.h"

namespace nacre::attestation {

// Where two command lines first differ:
//   "command line differs at argument 5: expected nothing, got 'nacre.demo=changed'"
// Arguments are counted from 1 and separated by spaces. Text from the guest is cut and escaped.
std::string DescribeCommandLineDifference(std::string_view expected, std::string_view got);

// What turns `expected` into `reported`, when the hint names it. The hint is believed only in what
// the measurement itself proves: the expected launch, with the hint's command line, vCPUs or both
// put in, gives exactly `reported`. nullopt when it proves nothing.
std::optional<std::string> ProvenDifference(const tee::Measurement& expected, ByteView reported,
                                            const LaunchHint& hint);

// The proven difference, or a sentence that says which parts could not be confirmed.
std::string ExplainLaunchDifference(const tee::Measurement& expected, ByteView reported,
                                    const std::optional<LaunchHint>& hint);

// What a search may put in the place of the expected parts, by a name for people.
struct LaunchAlternatives {
  struct File {
    std::string name;
    Bytes sha256;  // tried as kernel and as initrd
  };
  struct Firmware {
    std::string name;
    tee::MeasuredFirmware measured;
  };
  std::vector<File> files;
  std::vector<Firmware> firmware;
  std::vector<std::string> command_lines;
};

// Tries likely variations of the expected launch, one part at a time and then two: vCPUs, their
// model, guest features, VMM profile, kernel, initrd, firmware, and the command line without each
// of its arguments. nullopt when none of them gives `reported`. At most a few seconds.
std::optional<std::string> SearchLaunchDifference(const tee::Measurement& expected,
                                                  ByteView reported,
                                                  const LaunchAlternatives& alternatives);

}  // namespace nacre::attestation
