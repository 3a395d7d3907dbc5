// The initial CPU state of a vCPU as the hypervisor builds it and the hardware measures it: one
// 4096-byte VMSA page (AMD APM volume 2, table B-4).
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "tee/common/launch_inputs.h"

namespace nacre::tee::sev {

inline constexpr uint32_t kResetVector = 0xfffffff0;  // where the boot processor starts

struct VcpuStart {
  uint32_t eip = kResetVector;
  uint32_t cpuid_signature = 0;
  uint64_t sev_features = 0;
  VmmProfile vmm = VmmProfile::kQemu;
};

Bytes BuildVmsaPage(const VcpuStart& start);

}  // namespace nacre::tee::sev
