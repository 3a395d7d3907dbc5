// `nacre policy`: Rego policies at the owner's desk: eval, check, explain, test, fmt,
// bench.
#pragma once

#include "cli/verb.h"

namespace nacre::cli {

void AddPolicyVerb(CLI::App& app, VerbResult* result);

}  // namespace nacre::cli
