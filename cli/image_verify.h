// `nacre image verify`: says whether a policy lets an image run, by the guest's own code.
#pragma once

#include "cli/verb.h"

namespace nacre::cli {

void AddImageVerify(CLI::App& parent, VerbResult* result);

}  // namespace nacre::cli
