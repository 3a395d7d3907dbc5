// Exactly what a launch measurement covers. Made by the runtime from a SandboxPlan, read by
// `nacre measure` and by the emulator; travels between them as launch.json.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace nacre::tee {

enum class LaunchMode { kSev, kSevEs, kSnp, kTdx };
// Who builds the initial CPU state, which is measured. QEMU/KVM, or a cloud's own; kEc2V1 is how
// Amazon's began before it changed.
enum class VmmProfile { kQemu, kEc2, kEc2V1, kGce };

// "sev", "sev-es", "snp", "tdx".
std::string_view LaunchModeName(LaunchMode mode);
absl::StatusOr<LaunchMode> ParseLaunchMode(std::string_view name);
// "qemu", "ec2" (the newest), "ec2-v1", "gce".
std::string_view VmmProfileName(VmmProfile profile);
absl::StatusOr<VmmProfile> ParseVmmProfile(std::string_view name);

inline constexpr uint32_t kMaxVcpus = 4096;
inline constexpr size_t kMaxCommandLine = 64 * 1024;

struct LaunchInputs {
  LaunchMode mode = LaunchMode::kSnp;
  VmmProfile vmm = VmmProfile::kQemu;
  std::string firmware_path;
  std::string kernel_path;  // empty: firmware only, and then no initrd and no command line
  std::string initrd_path;  // empty: none
  std::string command_line;
  uint64_t memory_bytes = 0;  // TDX: of the guest; SEV does not measure it; 0 = not stated
  uint32_t vcpus = 1;
  std::string vcpu_type = "EPYC-v4";    // a QEMU CPU model; only its CPUID signature is measured
  uint64_t guest_features = 0x1;        // SEV_FEATURES of the VMSA
  std::array<uint8_t, 32> host_data{};  // initdata digest, cut or zero-padded to 32; not measured

  // kInvalidArgument: no firmware, a TDX kernel boot without memory size, 0 or more than kMaxVcpus
  // vCPUs, an initrd or command line without a kernel, a command line past kMaxCommandLine or with
  // a NUL in it.
  absl::Status Validate() const;
};

// {"schema":"nacre.launch/1","mode":...,"vmm":...,"firmware":path,"kernel":path,"initrd":path,
//  "command_line":...,"memory_bytes":n (0 may be left
//  out),"vcpus":n,"vcpu_type":...,"guest_features":"0x1","host_data":hex}.
// Parsing refuses unknown members and validates.
absl::StatusOr<LaunchInputs> ParseLaunchInputs(std::string_view json);
absl::StatusOr<std::string> SerializeLaunchInputs(const LaunchInputs& inputs);

}  // namespace nacre::tee
