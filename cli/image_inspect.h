// `nacre image inspect`: what a guest would see of an image, as JSON.
#pragma once

#include "cli/verb.h"

namespace nacre::cli {

void AddImageInspect(CLI::App& parent, VerbResult* result);

}  // namespace nacre::cli
