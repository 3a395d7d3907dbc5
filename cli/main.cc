// The `nacre` command: reads the command line, runs one verb, prints its error, exits.
//
// Exit codes: 0 done; 2 the command line is wrong; 1 anything else that failed; `nacre run` gives
// the container's own code when there was one.

#include <cstdio>
#include <exception>
#include <string>

#include "base/usage_error.h"
#include "cli/attest.h"
#include "cli/image.h"
#include "cli/kbs.h"
#include "cli/keyprovider.h"
#include "cli/measure.h"
#include "cli/policy.h"
#include "cli/run.h"
#include "cli/verb.h"
#include "cli/verify.h"
#include "cli/version.h"

namespace nacre::cli {
namespace {

constexpr int kUsageExitCode = 2;

// One line, whatever a library put into the message.
void PrintError(std::string message) {
  for (char& c : message) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  std::fprintf(stderr, "%s\n", message.c_str());
}

int Finish(const CLI::App& app, const VerbResult& result) {
  if (result.status.ok()) return result.exit_code;
  const CLI::App* verb = &app;
  while (!verb->get_subcommands().empty()) verb = verb->get_subcommands().back();
  PrintError(VerbPath(*verb) + ": " + std::string(result.status.message()));
  return result.exit_code == 0 ? 1 : result.exit_code;
}

int Main(int argc, char** argv) {
  CLI::App app("Confidential containers: run, measure and release secrets to attested guests.",
               "nacre");
  VerbResult result;
  AddAttestVerb(app, &result);
  AddImageVerb(app, &result);
  AddKbsVerb(app, &result);
  AddKeyProviderVerb(app, &result);
  AddMeasureVerb(app, &result);
  AddPolicyVerb(app, &result);
  AddRunVerb(app, &result);
  AddVerifyVerb(app, &result);
  AddVersionVerb(app, &result);
  app.require_subcommand(1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    PrintError(DescribeUsageError(app, error));
    return kUsageExitCode;
  }
  return Finish(app, result);
}

}  // namespace
}  // namespace nacre::cli

int main(int argc, char** argv) {
  try {
    return nacre::cli::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "nacre: %s\n", error.what());
    return 1;
  }
}
