// PCRs of our own measured boot, in advance: QEMU hands kernel, initrd and command line to OVMF,
// which measures the kernel as an EFI application and starts it; the kernel's EFI entry measures
// load options and initrd (TCG PC Client Platform Firmware Profile, section 3.3.4; Linux 6.1). As
// events, so that a difference can be named.
//
// Predicted: PCR 3 and 6 (nothing but the separator), 4 (the kernel), 5 (boot from no disk), 7
// (Secure Boot off, no keys enrolled) and 9 (command line, initrd). Not predicted, because they
// depend on the firmware's build and the machine's devices: PCR 0, 1, 2; take those from a boot of
// the same firmware and machine. Compared with a real boot by tests/scenario/tpm_measured_boot.sh.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tee/eventlog/bank.h"

namespace nacre::tee::tpm {

struct BootInputs {
  ByteView kernel;  // bzImage with an EFI entry
  std::optional<ByteView> initrd;
  std::string command_line;   // as given to QEMU's -append
  uint64_t memory_bytes = 0;  // of the machine: QEMU's changes to the kernel depend on it
  // QEMU before 10.0 fills in the kernel's setup header before the firmware measures it.
  bool patched_kernel = true;
};

struct PredictedEvent {
  uint32_t pcr = 0;
  std::string name;  // "kernel image", "command line", "initrd", "separator", ...
  Bytes digest;
};

struct PcrPrediction {
  eventlog::Bank bank = eventlog::Bank::kSha256;
  std::vector<PredictedEvent> events;  // in order within each PCR
  std::map<uint32_t, Bytes> pcrs;      // what they leave
};

// kInvalidArgument: the SHA-1 bank, or a kernel that is not a bzImage with an EFI entry.
absl::StatusOr<PcrPrediction> PredictPcrs(const BootInputs& inputs, eventlog::Bank bank);

// The first predicted event that a log (crypto-agile, of PCRs) does not have at its place, in
// words: "PCR 9: initrd: expected <hex>, the log has <hex>". Empty when all are there.
// kInvalidArgument when the log can not be read.
absl::StatusOr<std::string> FirstDifference(const PcrPrediction& prediction, ByteView event_log);

}  // namespace nacre::tee::tpm
