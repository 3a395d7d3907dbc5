#include "tee/tpm/program_source.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "tee/tpm/evidence_json.h"

namespace nacre::tee::tpm {

absl::StatusOr<Evidence> TpmProgramSource::Quote(const ReportData& report_data) {
  SubprocessOptions command;
  command.argv = {options_.program, "quote", "--nonce", HexEncode(report_data.view())};
  command.argv.insert(command.argv.end(), options_.arguments.begin(), options_.arguments.end());
  ASSIGN_OR_RETURN(CommandResult result,
                   RunCommand(command, {}, kMaxTpmDocument, options_.timeout_ms), "TPM evidence");
  if (result.exit.signaled || result.exit.code != 0) {
    return absl::UnavailableError(StrCat("TPM evidence: ", StripSpace(result.err)));
  }
  const auto document = ParseTpmDocument(StripSpace(result.out));
  if (!document.ok()) return absl::DataLossError(document.status().message());
  const auto attest = ParseAttest(document->evidence.attest);
  if (!attest.ok() || !std::ranges::equal(attest->extra_data, report_data.view())) {
    return absl::DataLossError("TPM evidence: not a quote with the nonce that was asked for");
  }
  return Evidence{TeeKind::kTpm, false, ToBytes(StripSpace(result.out)), {}};
}

}  // namespace nacre::tee::tpm
