#include "cli/attest.h"

#include <signal.h>

#include "cli/attest_verbs.h"

namespace nacre::cli {

void AddAttestVerb(CLI::App& app, VerbResult* result) {
  CLI::App* attest = app.add_subcommand("attest", "Try a key broker: one guest, suites, load");
  attest->require_subcommand(1);
  // A broker may hang up while it is being told something.
  attest->preparse_callback([](size_t) { signal(SIGPIPE, SIG_IGN); });
  AddAttestConformance(*attest, result);
  AddAttestLoad(*attest, result);
  AddAttestRun(*attest, result);
}

}  // namespace nacre::cli
