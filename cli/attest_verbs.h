// The verbs of `nacre attest`, one file each.
#pragma once

#include "cli/verb.h"

namespace nacre::cli {

// `nacre attest run`: one guest, every message shown. Exit codes: 0 attested (and the resource, if
// one was asked for, released); 1 not; 2 the command line is wrong.
void AddAttestRun(CLI::App& attest, VerbResult* result);

}  // namespace nacre::cli
