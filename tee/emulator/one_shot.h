// One piece of evidence and, as files, what a verifier needs beside it: for `nacre verify` and for
// tests of refusals from end to end.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "tee/common/evidence.h"
#include "tee/common/launch_inputs.h"
#include "tee/emulator/identity.h"

namespace nacre::tee::emulator {

struct OneShotOptions {
  std::string folder;  // of CreateIdentity; a VLEK or a TDX identity is made there when wanted
  TeeKind tee = TeeKind::kSnp;
  ReportData report_data;
  uint64_t version = 0;  // SNP report 3 (also 0) or 5; TDX quote 4 (also 0) or 5
  Endorsement endorsement = Endorsement::kVcek;
  std::optional<LaunchInputs> launch{};  // SNP; a measurement of zeros without
  std::string faults{};                  // names, as ParseSnpFaults and ParseTdxFault know them
  int64_t now = 0;                       // seconds since 1970
};

struct OneShot {
  // SNP: the report and, behind it, the GHCB certificate table. TDX: the quote.
  Bytes evidence;
  // File names and contents. "root.pem" is the emulated root, to be trusted by configuration. SNP:
  // "intermediate.pem", "crl.der". TDX: "tcb_info.json", "qe_identity.json", "signing.pem",
  // "crl-<n>.der".
  std::map<std::string, Bytes> collateral;
};

// kInvalidArgument for a kind, version or fault that is not emulated; errors of the files.
absl::StatusOr<OneShot> MakeOneShot(const OneShotOptions& options);

}  // namespace nacre::tee::emulator
