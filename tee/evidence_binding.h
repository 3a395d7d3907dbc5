// Whether evidence a source has just been given answers the question that was asked. Nothing here
// is verification: it tells a guest early, and in plain words, that it was given something else.
#pragma once

#include "tee/common/evidence.h"

namespace nacre::tee {

// kDataLoss unless `evidence` is an SNP report or a TDX quote (by its kind) over `report_data`.
absl::Status CheckBinding(const Evidence& evidence, const ReportData& report_data);

}  // namespace nacre::tee
