// What a TDX guest will report of its start, computed in advance: MRTD and RTMR0 to RTMR2 with the
// events behind them. RTMR3 belongs to the guest and is zero at its start.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tee/common/launch_inputs.h"
#include "tee/tdx/mrtd.h"
#include "tee/tdx/rtmr.h"

namespace nacre::tee::tdx {

struct TdxLaunchOptions {
  std::string acpi_folder;  // see ReadFwCfgFolder; empty: RTMR0 is left out
  RtmrProfile profile;
  MrtdOrder order = MrtdOrder::kPerPage;
};

struct TdxMeasurement {
  Bytes firmware_sha256;
  Bytes kernel_sha256;  // empty: none
  Bytes initrd_sha256;  // empty: none
  std::string command_line;
  uint64_t memory_bytes = 0;
  TdxLaunchOptions options;
  Bytes mrtd;                                  // 48 bytes
  std::array<std::optional<Bytes>, 3> rtmr{};  // absent: not covered by what was given
  std::vector<RtmrEvent> events;               // of the RTMRs that are present, by RTMR
};

// The files of a launch, in memory.
struct TdxLaunchFiles {
  Bytes firmware;
  Bytes kernel;
  std::optional<Bytes> initrd;
  std::optional<FwCfgFiles> acpi;
};
absl::StatusOr<TdxLaunchFiles> ReadTdxLaunchFiles(const LaunchInputs& inputs,
                                                  const TdxLaunchOptions& options);

// Without a kernel only MRTD is computed: what firmware boots then is not an input. Without ACPI
// tables RTMR0 is left out. kInvalidArgument names the input that does not fit; kNotFound: the
// firmware is no TDVF.
absl::StatusOr<TdxMeasurement> MeasureTdxLaunch(const LaunchInputs& inputs,
                                                const TdxLaunchOptions& options,
                                                const TdxLaunchFiles& files);

}  // namespace nacre::tee::tdx
