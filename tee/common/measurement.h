// A launch measurement computed in advance, with the parts it came from: enough to compute it again
// with one part changed, and so to say which part of a refused launch differs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tee/common/launch_inputs.h"

namespace nacre::tee {

// A memory range that firmware metadata asks the hypervisor to prepare and have measured.
struct FirmwareSection {
  uint64_t gpa = 0;
  uint32_t size = 0;  // bytes, a multiple of 4096
  uint32_t type = 0;  // OVMF SEV metadata: 1 memory, 2 secrets, 3 CPUID, 4 SVSM CAA, 0x10 hashes
  bool operator==(const FirmwareSection&) const = default;
};

struct MeasuredFirmware {
  Bytes sha256;         // of the whole image
  Bytes launch_prefix;  // SNP: the 48-byte launch digest after the firmware pages; empty otherwise
  std::vector<FirmwareSection> sections;  // in table order
  std::optional<uint32_t> hash_table_gpa;
  std::optional<uint32_t> reset_eip;  // where application processors start
};

// SHA-256 of what the kernel-hashes table holds, 32 bytes each.
struct KernelHashes {
  Bytes kernel;
  Bytes initrd;        // SHA-256 of nothing when there is none
  Bytes command_line;  // of the text with its trailing NUL
  bool operator==(const KernelHashes&) const = default;
};

struct Measurement {
  LaunchMode mode = LaunchMode::kSnp;
  VmmProfile vmm = VmmProfile::kQemu;
  Bytes digest;  // 48 bytes for SNP, 32 for SEV and SEV-ES
  MeasuredFirmware firmware;
  std::optional<KernelHashes> kernel_hashes;
  std::string command_line;  // the text behind kernel_hashes->command_line
  uint32_t vcpus = 1;
  std::string vcpu_type;        // as asked for; informative
  uint32_t vcpu_signature = 0;  // CPUID Fn0000_0001 EAX: what is measured
  uint64_t guest_features = 0;
};

}  // namespace nacre::tee
