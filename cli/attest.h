// `nacre attest`: tests of key brokers, ours or any other that speaks the protocol.
#pragma once

#include "cli/verb.h"

namespace nacre::cli {

void AddAttestVerb(CLI::App& app, VerbResult* result);

}  // namespace nacre::cli
