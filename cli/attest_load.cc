#include <memory>

#include "attestation/harness/load.h"
#include "base/strings.h"
#include "cli/attest_options.h"
#include "cli/attest_verbs.h"

namespace nacre::cli {
namespace {

using attestation::harness::Guest;
using attestation::harness::Probe;

struct LoadArguments {
  AttestOptions common;
  attestation::harness::LoadOptions load;
  bool new_connections = false;
  bool json = false;
};

absl::Status Run(const LoadArguments& arguments, int* exit_code) {
  ASSIGN_OR_RETURN(const attestation::harness::Target target, TargetOf(arguments.common));
  ASSIGN_OR_RETURN(std::unique_ptr<Probe> probe, Probe::Create(target));
  ASSIGN_OR_RETURN(std::unique_ptr<Guest> guest, GuestOf(arguments.common));
  auto options = arguments.load;
  options.keep_alive = !arguments.new_connections;
  ASSIGN_OR_RETURN(const auto report, attestation::harness::RunLoad(*probe, *guest, options));
  *exit_code = report.failures() == 0 && report.handshakes() > 0 ? 0 : 1;
  if (!arguments.json) return WriteOut("", attestation::harness::FormatLoad(report));
  ASSIGN_OR_RETURN(std::string text, DumpJson(attestation::harness::LoadToJson(report), 2));
  return WriteOut("", StrCat(text, "\n"));
}

}  // namespace

void AddAttestLoad(CLI::App& attest, VerbResult* result) {
  auto arguments = std::make_shared<LoadArguments>();
  CLI::App* load = attest.add_subcommand("load", "Many guests at once: handshakes per second");
  AddBrokerOptions(*load, &arguments->common);
  AddGuestOptions(*load, &arguments->common);
  load->add_option("--clients", arguments->load.clients, "Connections held at once")
      ->check(CLI::Range(1, 100'000));
  load->add_option("--seconds", arguments->load.seconds, "How long")->check(CLI::Range(1, 86'400));
  load->add_option("--threads", arguments->load.threads, "That hold the connections")
      ->check(CLI::Range(1, 256));
  load->add_option("--resource", arguments->load.resource,
                   "repository/type/tag to fetch in each handshake");
  load->add_flag("--new-connections", arguments->new_connections,
                 "A connection for each handshake");
  load->add_flag("--json", arguments->json, "The report, as JSON");
  load->callback([=] { result->status = Run(*arguments, &result->exit_code); });
}

}  // namespace nacre::cli
