// `nacre version`: what this build is.
#pragma once

#include "cli/verb.h"

namespace nacre::cli {

void AddVersionVerb(CLI::App& app, VerbResult* result);

}  // namespace nacre::cli
