// Options that the verbs of `nacre attest` share: which broker, and who attests.
#pragma once

#include <memory>
#include <string>

#include "attestation/harness/emulated_guest.h"
#include "attestation/harness/guest.h"
#include "attestation/harness/probe.h"
#include "cli/verb.h"

namespace nacre::cli {

struct AttestOptions {
  std::string url;
  std::string certificate;  // files, PEM
  std::string ca;
  std::string evidence;  // file; at most one of this and `emulator`, else this machine's TEE
  std::string emulator;  // folder of `nacre-tee-emulator init`
  std::string tee = "snp";
  std::string launch;  // files
  std::string initdata;
  int64_t timeout_ms = 20'000;
};

void AddBrokerOptions(CLI::App& verb, AttestOptions* options, bool required = true);
void AddGuestOptions(CLI::App& verb, AttestOptions* options);

// Errors name the option.
absl::StatusOr<attestation::harness::Target> TargetOf(const AttestOptions& options);
absl::StatusOr<std::unique_ptr<attestation::harness::Guest>> GuestOf(const AttestOptions& options);

// Of --emulator, which must be there.
absl::StatusOr<attestation::harness::EmulatedOptions> EmulatedOptionsOf(
    const AttestOptions& options);

// To standard output, or to a file when `path` is not empty.
absl::Status WriteOut(const std::string& path, std::string_view text);

}  // namespace nacre::cli
