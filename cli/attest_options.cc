#include "cli/attest_options.h"

#include <cstdio>
#include <ctime>

#include "base/file.h"
#include "base/strings.h"
#include "tee/common/initdata.h"

namespace nacre::cli {
namespace {

using attestation::harness::EmulatedOptions;
using attestation::harness::EmulatedSnp;
using attestation::harness::EmulatedTdx;
using attestation::harness::Guest;

constexpr size_t kMaxPemFile = 64 << 10;

absl::StatusOr<std::unique_ptr<Guest>> EmulatedGuest(const AttestOptions& options) {
  ASSIGN_OR_RETURN(const EmulatedOptions emulated, EmulatedOptionsOf(options));
  if (options.tee == "snp") {
    ASSIGN_OR_RETURN(std::unique_ptr<Guest> guest, EmulatedSnp::Create(emulated), "--emulator");
    return guest;
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Guest> guest, EmulatedTdx::Create(emulated), "--emulator");
  return guest;
}

}  // namespace

void AddBrokerOptions(CLI::App& verb, AttestOptions* options, bool required) {
  verb.add_option("--kbs", options->url, "https://HOST:PORT of the broker")->required(required);
  auto* pinned = verb.add_option("--cert", options->certificate, "Its certificate (PEM), pinned");
  verb.add_option("--ca", options->ca, "Roots (PEM) that sign its certificate")->excludes(pinned);
  verb.add_option("--timeout-ms", options->timeout_ms, "Of one request")
      ->check(CLI::Range(100, 600'000));
}

void AddGuestOptions(CLI::App& verb, AttestOptions* options) {
  auto* emulator = verb.add_option("--emulator", options->emulator,
                                   "Attest as an emulated machine: a nacre-tee-emulator folder");
  verb.add_option("--evidence", options->evidence, "Attest with evidence from a file")
      ->excludes(emulator);
  verb.add_option("--tee", options->tee, "Of the emulated machine: snp or tdx");
  verb.add_option("--launch", options->launch, "What it was started with: a launch.json")
      ->needs(emulator);
  verb.add_option("--initdata", options->initdata, "Its initdata document")->needs(emulator);
}

absl::StatusOr<attestation::harness::Target> TargetOf(const AttestOptions& options) {
  attestation::harness::Target target{.url = options.url,
                                      .pinned_certificate_pem = {},
                                      .trusted_ca_pem = {},
                                      .timeout_ms = options.timeout_ms};
  if (!options.certificate.empty()) {
    ASSIGN_OR_RETURN(target.pinned_certificate_pem, ReadTextFile(options.certificate, kMaxPemFile),
                     "--cert");
  }
  if (!options.ca.empty()) {
    ASSIGN_OR_RETURN(target.trusted_ca_pem, ReadTextFile(options.ca, kMaxPemFile), "--ca");
  }
  return target;
}

absl::StatusOr<std::unique_ptr<Guest>> GuestOf(const AttestOptions& options) {
  if (!options.emulator.empty()) return EmulatedGuest(options);
  if (!options.evidence.empty()) return attestation::harness::FileGuest(options.evidence);
  return attestation::harness::LocalGuest();
}

absl::StatusOr<EmulatedOptions> EmulatedOptionsOf(const AttestOptions& options) {
  EmulatedOptions emulated{.folder = options.emulator, .now = std::time(nullptr)};
  if (options.tee != "snp" && options.tee != "tdx") {
    return absl::InvalidArgumentError("--tee: want snp or tdx");
  }
  if (!options.launch.empty()) {
    if (options.tee != "snp") {
      return absl::InvalidArgumentError("--launch: a launch document is for --tee snp");
    }
    ASSIGN_OR_RETURN(std::string text, ReadTextFile(options.launch, 1 << 20), "--launch");
    ASSIGN_OR_RETURN(emulated.launch, tee::ParseLaunchInputs(text), "--launch");
  }
  if (!options.initdata.empty()) {
    ASSIGN_OR_RETURN(emulated.initdata, ReadTextFile(options.initdata, tee::kMaxInitdataDocument),
                     "--initdata");
  }
  return emulated;
}

absl::Status WriteOut(const std::string& path, std::string_view text) {
  if (!path.empty()) return WriteFile(path, AsBytes(text));
  bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) return ErrnoStatus(errno, "writing to standard output");
  return absl::OkStatus();
}

}  // namespace nacre::cli
