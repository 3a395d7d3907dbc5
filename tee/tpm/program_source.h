// The guest's TPM as an EvidenceSource for programs that do not link tpm2-tss, such as
// nacre-agent: it runs nacre-tpm.
#pragma once

#include <string>
#include <vector>

#include "tee/common/evidence.h"

namespace nacre::tee::tpm {

struct TpmProgramOptions {
  std::string program = "/usr/bin/nacre-tpm";
  std::vector<std::string> arguments{};  // beside "quote --nonce HEX": "--tpm", "/dev/tpm0", ...
  int timeout_ms = 120'000;              // making keys in a slow TPM
};

class TpmProgramSource : public EvidenceSource {
 public:
  explicit TpmProgramSource(TpmProgramOptions options) : options_(std::move(options)) {}
  std::string_view name() const override { return "nacre-tpm"; }
  // Evidence::report is a document of evidence_json.h. kDataLoss when the program says something
  // else, or a quote with another nonce; kUnavailable, with what it wrote to standard error, when
  // it fails.
  absl::StatusOr<Evidence> Quote(const ReportData& report_data) override;

 private:
  TpmProgramOptions options_;
};

}  // namespace nacre::tee::tpm
