// `nacre policy generate` and `nacre policy learn`: from manifests to policies.
#pragma once

#include "cli/verb.h"

namespace nacre::cli {

// Adds both below `nacre policy`.
void AddPolicyGenerateVerbs(CLI::App* policy, VerbResult* result);

}  // namespace nacre::cli
