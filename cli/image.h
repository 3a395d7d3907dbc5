// `nacre image`: what an owner does to images before guests pull them.
#pragma once

#include "cli/verb.h"

namespace nacre::cli {

void AddImageVerb(CLI::App& app, VerbResult* result);

}  // namespace nacre::cli
