#include <memory>

#include "attestation/harness/guest_run.h"
#include "base/strings.h"
#include "cli/attest_options.h"
#include "cli/attest_verbs.h"

namespace nacre::cli {
namespace {

using attestation::harness::Guest;
using attestation::harness::Probe;

struct RunArguments {
  AttestOptions common;
  attestation::harness::RunOptions run;
  bool json = false;
};

absl::Status Run(const RunArguments& arguments, int* exit_code) {
  ASSIGN_OR_RETURN(const attestation::harness::Target target, TargetOf(arguments.common));
  ASSIGN_OR_RETURN(std::unique_ptr<Probe> probe, Probe::Create(target));
  ASSIGN_OR_RETURN(std::unique_ptr<Guest> guest, GuestOf(arguments.common));
  const auto report = attestation::harness::RunGuest(*probe, *guest, arguments.run);
  *exit_code = report.ok(arguments.run) ? 0 : 1;
  if (!arguments.json) return WriteOut("", attestation::harness::FormatRun(report));
  ASSIGN_OR_RETURN(std::string text, DumpJson(attestation::harness::RunToJson(report), 2));
  return WriteOut("", StrCat(text, "\n"));
}

}  // namespace

void AddAttestRun(CLI::App& attest, VerbResult* result) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* run = attest.add_subcommand("run", "Do what a guest does and show each message");
  AddBrokerOptions(*run, &arguments->common);
  AddGuestOptions(*run, &arguments->common);
  run->add_option("--resource", arguments->run.resource, "repository/type/tag to ask for");
  run->add_option("--key", arguments->run.key,
                  "The guest's key: P-256, P-384, P-521, RSA-2048, RSA-3072, RSA-4096, ML-KEM-768");
  run->add_flag("--json", arguments->json, "The whole report, as JSON");
  run->callback([=] { result->status = Run(*arguments, &result->exit_code); });
}

}  // namespace nacre::cli
