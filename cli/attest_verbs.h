// The verbs of `nacre attest`, one file each.
#pragma once

#include "cli/verb.h"

namespace nacre::cli {

// `nacre attest run`: one guest, every message shown. Exit codes: 0 attested (and the resource, if
// one was asked for, released); 1 not; 2 the command line is wrong.
void AddAttestRun(CLI::App& attest, VerbResult* result);

// `nacre attest conformance`: the suites of attestation/harness/suites.h. Exit codes: 0 no case
// failed; 1 one did, or with --strict one could not be run; 2 the command line is wrong.
void AddAttestConformance(CLI::App& attest, VerbResult* result);

// `nacre attest load`: handshakes per second. Exit codes: 0 no handshake failed; 1 one did.
void AddAttestLoad(CLI::App& attest, VerbResult* result);

}  // namespace nacre::cli
