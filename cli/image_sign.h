// `nacre image sign`: puts a cosign signature by the owner's key beside an image.
#pragma once

#include "cli/verb.h"

namespace nacre::cli {

void AddImageSign(CLI::App& parent, VerbResult* result);

}  // namespace nacre::cli
