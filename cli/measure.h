// `nacre measure`: the launch measurement a guest will have, computed before it starts; as a
// reference value for the broker; and, with --explain, compared with what a guest reports.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/verb.h"

namespace nacre::cli {

// What is measured comes from exactly one of: a runtime configuration, a launch document, or the
// parts one by one. An empty string is an option that was not given.
struct MeasureOptions {
  std::string config;         // runtime.toml
  std::string kernel_params;  // with `config`: what a pod's annotation adds
  std::string initdata;       // with `config`: file of the initdata document
  std::string launch;         // launch.json
  std::string firmware;
  std::string kernel;
  std::string initrd;
  std::string append;
  uint32_t vcpus = 1;
  std::string vcpu_type = "EPYC-v4";
  std::string guest_features = "0x1";
  std::string vmm = "qemu";
  std::string mode = "snp";
  std::string memory;           // TDX and TPM: "2G", "512M"
  std::string bank = "sha256";  // TPM

  // TDX.
  std::string acpi;          // folder of QEMU's tables, see tee/tdx/rtmr.h
  std::string rtmr_profile;  // likewise
  std::string mrtd_order = "per-page";

  // ID block, written when id_key is given: file names of keys (PEM) and of what is made.
  std::string id_key;
  std::string author_key;
  std::string id_block;
  std::string id_auth;
  std::string family_id;  // hex
  std::string image_id;   // hex
  uint32_t guest_svn = 0;
  std::string guest_policy = "0x30000";

  std::string explain;            // evidence to compare with
  std::string event_log;          // its boot event log
  std::vector<std::string> also;  // other firmware, kernels and initrds to try

  std::string reference;    // file to write the reference value to
  std::string name;         // of the reference value
  uint32_t valid_days = 0;  // of the reference value; 0 = no expiry
  std::string sign_key;     // PEM, EC P-256 or P-384: sign the reference value
  bool json = false;
};

struct MeasureOutcome {
  std::string text;   // for stdout
  int exit_code = 0;  // 1 when --explain found a difference
};

// `now` is seconds since 1970. Writes options.reference, id_block and id_auth.
absl::StatusOr<MeasureOutcome> Measure(const MeasureOptions& options, int64_t now);

void AddMeasureVerb(CLI::App& app, VerbResult* result);

}  // namespace nacre::cli
