// `nacre image encrypt` and `nacre image decrypt`, for owners. Recipients, keys and the names of
// images are written as skopeo's.
#pragma once

#include "cli/verb.h"

namespace nacre::cli {

void AddImageEncrypt(CLI::App& parent, VerbResult* result);
void AddImageDecrypt(CLI::App& parent, VerbResult* result);

}  // namespace nacre::cli
