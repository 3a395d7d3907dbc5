// Why a launch measurement differs from the one expected, in words.
#pragma once

#include <optional>
#include <string>
#include <string_view>

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

}  // namespace nacre::attestation
