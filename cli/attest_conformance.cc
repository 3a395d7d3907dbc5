#include <memory>

#include "attestation/harness/emulated_guest.h"
#include "attestation/harness/suites.h"
#include "base/file.h"
#include "base/strings.h"
#include "cli/attest_options.h"
#include "cli/attest_verbs.h"

namespace nacre::cli {
namespace {

using namespace attestation::harness;  // the suites' own words

constexpr size_t kMaxPemFile = 64 << 10;

struct ConformanceArguments {
  AttestOptions common;
  LabOptions lab;
  std::string admin_key;  // file
  std::vector<std::string> assume;
  std::vector<std::string> only;
  std::string junit;  // file
  bool json = false;
  bool list = false;
  bool strict = false;
};

// The guest that attests, and the emulated machines whose evidence can be spoilt.
struct Guests {
  std::unique_ptr<Guest> other;  // not emulated
  std::unique_ptr<EmulatedSnp> snp;
  std::unique_ptr<EmulatedTdx> tdx;
  Guest* main = nullptr;
};

absl::StatusOr<Guests> GuestsOf(const AttestOptions& options) {
  Guests guests;
  if (options.emulator.empty()) {
    // Without any guest many cases can still be run.
    auto guest = GuestOf(options);
    if (!guest.ok() && !options.evidence.empty()) return guest.status();
    if (guest.ok()) guests.other = *std::move(guest);
    guests.main = guests.other.get();
    return guests;
  }
  ASSIGN_OR_RETURN(const EmulatedOptions emulated, EmulatedOptionsOf(options));
  ASSIGN_OR_RETURN(guests.snp, EmulatedSnp::Create(emulated), "--emulator");
  const bool wants_tdx = options.tee == "tdx";
  if (wants_tdx || PathExists(options.emulator + "/tdx-attestation.key")) {
    ASSIGN_OR_RETURN(guests.tdx, EmulatedTdx::Create(emulated), "--emulator");
  }
  guests.main = guests.snp.get();
  if (wants_tdx) guests.main = guests.tdx.get();
  return guests;
}

std::set<Need> Assumed(const std::vector<std::string>& names) {
  std::set<Need> out;
  for (const std::string& name : names) {
    out.insert(name == "minimum-tcb" ? Need::kMinimumTcb : Need::kEmulatedRefused);
  }
  return out;
}

absl::Status PrintList() {
  std::string text;
  for (const Family& family : AllFamilies()) {
    for (const Case& one : family.cases) {
      StrAppend(&text, family.suite, "/", family.name, "/", one.name, ": ", one.what, ": expected ",
                one.expected.text, "\n");
    }
  }
  return WriteOut("", text);
}

absl::Status WriteReport(const ConformanceArguments& arguments, const SuiteReport& report) {
  if (!arguments.junit.empty()) RETURN_IF_ERROR(WriteOut(arguments.junit, SuitesToJunit(report)));
  if (!arguments.json) return WriteOut("", FormatSuites(report));
  ASSIGN_OR_RETURN(std::string text, DumpJson(SuitesToJson(report), 2));
  return WriteOut("", StrCat(text, "\n"));
}

absl::Status Run(const ConformanceArguments& arguments, int* exit_code) {
  if (arguments.list) return PrintList();
  if (arguments.common.url.empty()) return absl::InvalidArgumentError("--kbs is required");
  ASSIGN_OR_RETURN(const Target target, TargetOf(arguments.common));
  ASSIGN_OR_RETURN(std::unique_ptr<Probe> probe, Probe::Create(target));
  ASSIGN_OR_RETURN(Guests guests, GuestsOf(arguments.common));
  LabOptions options = arguments.lab;
  options.assumed = Assumed(arguments.assume);
  if (!arguments.admin_key.empty()) {
    ASSIGN_OR_RETURN(options.admin_key_pem, ReadTextFile(arguments.admin_key, kMaxPemFile),
                     "--admin-key");
  }
  Lab lab(*probe, guests.main, guests.snp.get(), guests.tdx.get(), std::move(options));
  RETURN_IF_ERROR(lab.Prepare());
  const SuiteReport report = RunSuites(lab, AllFamilies(), arguments.only);
  const bool all_run = report.Count(Verdict::kNotRun) == 0;
  const bool good = report.Count(Verdict::kFailed) == 0 && (all_run || !arguments.strict);
  *exit_code = good ? 0 : 1;
  return WriteReport(arguments, report);
}

}  // namespace

void AddAttestConformance(CLI::App& attest, VerbResult* result) {
  auto arguments = std::make_shared<ConformanceArguments>();
  CLI::App* verb = attest.add_subcommand(
      "conformance", "Try every rule of the protocol, and attacks, on a broker");
  AddBrokerOptions(*verb, &arguments->common, false);
  AddGuestOptions(*verb, &arguments->common);
  verb->add_option("--admin-key", arguments->admin_key,
                   "The owner's key (PEM): lets the suite register what it needs, and removes it");
  verb->add_option("--admin-issuer", arguments->lab.admin_issuer,
                   "As in the broker's configuration");
  verb->add_option("--resource", arguments->lab.resource,
                   "repository/type/tag that the guest is given");
  verb->add_option("--collateral", arguments->lab.collateral_folder,
                   "The folder of TDX collateral that the broker reads: lets the suite put "
                   "collateral out of its time there; it is left as it was");
  verb->add_option("--assume", arguments->assume,
                   "What the broker's policy is: minimum-tcb, emulated-refused")
      ->check(CLI::IsMember({"minimum-tcb", "emulated-refused"}));
  verb->add_flag("--peer-codes", arguments->lab.peer_codes,
                 "Take any 4xx for a refusal, as other brokers answer");
  verb->add_option("--patience-ms", arguments->lab.patience_ms,
                   "How long a slow client may stay connected");
  verb->add_option("--only", arguments->only, "Cases whose name begins so: attack/session");
  verb->add_option("--junit", arguments->junit, "Write JUnit XML to this file too");
  verb->add_flag("--json", arguments->json, "The whole report, as JSON");
  verb->add_flag("--strict", arguments->strict, "Fail when a case could not be run");
  verb->add_flag("--list", arguments->list, "Print the cases and run none");
  verb->callback([=] { result->status = Run(*arguments, &result->exit_code); });
}

}  // namespace nacre::cli
