#include "attestation/reference/tpm_reference.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "cli/measure_modes.h"
#include "tee/tpm/predict.h"

namespace nacre::cli {
namespace {

constexpr size_t kMaxImage = size_t{1} << 30;

std::string AsText(const tee::tpm::PcrPrediction& prediction) {
  const std::string_view bank = BankName(prediction.bank);
  std::string out = StrCat("PCRs after a direct kernel boot under OVMF (", bank, ")\n");
  for (const auto& [pcr, value] : prediction.pcrs) {
    MeasureRow(StrCat("PCR ", pcr), HexEncode(value), &out);
  }
  StrAppend(&out, "events\n");
  for (const tee::tpm::PredictedEvent& event : prediction.events) {
    StrAppend(&out, "  PCR ", event.pcr, "  ", event.name, "\n");
    MeasureRow("", HexEncode(event.digest), &out);
  }
  return out +
         "PCR 0, 1 and 2 depend on the firmware's build and the machine: take them from a boot.\n";
}

}  // namespace

absl::StatusOr<std::string> MeasureTpm(const MeasureOptions& options,
                                       const tee::LaunchInputs& inputs, int64_t now) {
  if (inputs.kernel_path.empty()) return absl::InvalidArgumentError("mode tpm needs --kernel");
  ASSIGN_OR_RETURN(const Bytes kernel, ReadFile(inputs.kernel_path, kMaxImage), "kernel");
  std::optional<Bytes> initrd;
  if (!inputs.initrd_path.empty()) {
    ASSIGN_OR_RETURN(initrd, ReadFile(inputs.initrd_path, kMaxImage), "initrd");
  }
  tee::tpm::BootInputs boot;
  boot.kernel = kernel;
  if (initrd) boot.initrd = *initrd;
  boot.command_line = inputs.command_line;
  boot.memory_bytes = inputs.memory_bytes;
  ASSIGN_OR_RETURN(const tee::eventlog::Bank bank, tee::eventlog::ParseBankName(options.bank),
                   "--bank");
  attestation::TpmReferenceValue reference{options.name, {}, inputs.command_line, now, {}};
  ASSIGN_OR_RETURN(reference.prediction, tee::tpm::PredictPcrs(boot, bank));
  if (options.valid_days > 0) reference.expires = now + options.valid_days * kSecondsPerDay;
  ASSIGN_OR_RETURN(const std::string document, attestation::SerializeTpmReference(reference));
  if (!options.reference.empty()) {
    RETURN_IF_ERROR(WriteReferenceFile(options, document));
  }
  return options.json ? document + "\n" : AsText(reference.prediction);
}

}  // namespace nacre::cli
