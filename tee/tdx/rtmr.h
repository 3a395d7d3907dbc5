// RTMR0, RTMR1 and RTMR2 of a TD that QEMU boots directly into a Linux kernel under OVMF, computed
// in advance as the list of events that extend them (Intel "TDX Virtual Firmware Design Guide",
// section 8; TCG PC Client Platform Firmware Profile for the events; the order is edk2's).
//
// What was compared with data that others recorded on real hardware: the TD HOB, the variable
// store, the variables, separators, boot entries and action strings against CCEL logs (tests of
// label "outside"). What could not be: the kernel's digest, the command line and the initrd,
// because no log came with its kernel; and firmware from edk2-stable202505 on, which measures more
// events.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "tee/tdx/tdvf.h"

namespace nacre::tee::tdx {

inline constexpr size_t kRtmrSize = 48;

struct RtmrEvent {
  int index = 0;     // of the RTMR: 0, 1 or 2
  std::string name;  // "TD HOB", "variable SecureBoot", "kernel image", ...
  Bytes digest;      // SHA-384
};

// Differences between firmware, QEMU and kernel versions that change events. As text, one or more
// of "separator=rtmr0", "separator=rtmr1", "secure-boot=absent", "secure-boot=off", "kernel=file",
// "kernel=patched", "entry=measures", "entry=silent", separated by commas.
struct RtmrProfile {
  // Where the separator at the end of the firmware's own boot goes (older edk2: RTMR0).
  int separator_index = 1;
  // Firmware built with Secure Boot has the variable, as one zero byte when it is off.
  bool secure_boot_variable = false;
  // QEMU before 10.1 with TDX patches fills the setup header of the kernel in
  // (tee/tdx/linux_boot.h).
  bool patched_kernel = false;
  // Whether the kernel's EFI entry code measures command line and initrd into RTMR2. Linux does
  // from 6.9 on; unset: by the version the kernel image says it has.
  std::optional<bool> entry_measures;
};
absl::StatusOr<RtmrProfile> ParseRtmrProfile(std::string_view text);
std::string FormatRtmrProfile(const RtmrProfile& profile);

// The ACPI tables as QEMU serves them over fw_cfg, by name: "etc/table-loader", "etc/acpi/rsdp",
// "etc/acpi/tables". They depend on the machine, its devices and QEMU's version, so they are an
// input: take them from a guest of the same shape, under /sys/firmware/qemu_fw_cfg/by_name.
using FwCfgFiles = std::map<std::string, Bytes, std::less<>>;
inline constexpr std::string_view kTableLoader = "etc/table-loader";
// Reads <folder>/<name>/raw or <folder>/<name> for the table loader and each file it allocates.
absl::StatusOr<FwCfgFiles> ReadFwCfgFolder(const std::string& folder);
// The files a table loader allocates, in its order. kInvalidArgument when it is not one.
absl::StatusOr<std::vector<std::string>> TableLoaderFiles(ByteView loader);

struct RtmrInputs {
  ByteView firmware;
  ByteView kernel;
  std::optional<ByteView> initrd;
  std::string command_line;
  uint64_t memory_bytes = 0;
  const FwCfgFiles* acpi = nullptr;
  RtmrProfile profile;
};

// In the order in which they happen within each RTMR. kInvalidArgument naming the input that does
// not fit. `sections` are those of ParseTdvf(inputs.firmware).
absl::StatusOr<std::vector<RtmrEvent>> ExpectedRtmr0(const RtmrInputs& inputs,
                                                     const std::vector<TdvfSection>& sections);
absl::StatusOr<std::vector<RtmrEvent>> ExpectedRtmr1(const RtmrInputs& inputs);
std::vector<RtmrEvent> ExpectedRtmr2(const RtmrInputs& inputs);

// 48 zero bytes extended by each digest in turn.
Bytes ReplayRtmr(const std::vector<RtmrEvent>& events);

}  // namespace nacre::tee::tdx
