// `nacre measure`: the launch measurement a guest will have, computed before it starts, and as a
// reference value for the broker.
#pragma once

#include <cstdint>
#include <string>

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
  std::string mode = "snp";

  std::string reference;    // file to write the reference value to
  std::string name;         // of the reference value
  uint32_t valid_days = 0;  // of the reference value; 0 = no expiry
  bool json = false;
};

// What the verb prints; `now` is seconds since 1970. Writes options.reference.
absl::StatusOr<std::string> Measure(const MeasureOptions& options, int64_t now);

void AddMeasureVerb(CLI::App& app, VerbResult* result);

}  // namespace nacre::cli
