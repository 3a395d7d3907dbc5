// `nacre kbs`: the owner's calls to a key broker.
//
//   nacre kbs --url https://HOST:PORT --cert tls.pem --admin-key admin.key <verb>
//     resource set PATH FILE | delete PATH | list
//     reference register FILE | set ID VALUE | show NAME | delete NAME | list [--details] | diff
//     explain [ID] [--json]        the last attestation when no ID is given
//     denials [--guest G] [--json]
#pragma once

#include "cli/verb.h"

namespace nacre::cli {

void AddKbsVerb(CLI::App& app, VerbResult* result);

}  // namespace nacre::cli
