// What `nacre measure` does for each kind of hardware; its options are in measure.h.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "cli/measure.h"
#include "tee/common/launch_inputs.h"
#include "tee/tdx/measurement.h"

namespace nacre::cli {

// SEV, SEV-ES and SEV-SNP: text or JSON; writes the reference value and the ID block asked for.
absl::StatusOr<std::string> MeasureSev(const MeasureOptions& options,
                                       const tee::LaunchInputs& inputs, int64_t now);
// TDX likewise.
absl::StatusOr<std::string> MeasureTdx(const MeasureOptions& options,
                                       const tee::LaunchInputs& inputs, int64_t now);
// The PCRs of a measured boot; `inputs` need not have firmware.
absl::StatusOr<std::string> MeasureTpm(const MeasureOptions& options,
                                       const tee::LaunchInputs& inputs, int64_t now);
// Writes options.reference, signed when there is a key for that.
absl::Status WriteReferenceFile(const MeasureOptions& options, std::string_view document);

absl::StatusOr<tee::tdx::TdxLaunchOptions> TdxOptions(const MeasureOptions& options);

// Compares with options.explain and names what differs. Exit code 0: nothing does.
absl::StatusOr<MeasureOutcome> ExplainMeasurement(const MeasureOptions& options,
                                                  const tee::LaunchInputs& inputs);

// "  name              value" with long values going on below themselves.
void MeasureRow(std::string_view name, std::string_view value, std::string* out);

inline constexpr int64_t kSecondsPerDay = 24 * 3600;

}  // namespace nacre::cli
