// The launch measurement of an SEV, SEV-ES or SEV-SNP guest, computed in advance (AMD 56860 section
// 8.17, "Page Info"; and as QEMU lays memory out).
#pragma once

#include <map>
#include <string_view>

#include "base/bytes.h"
#include "tee/common/launch_inputs.h"
#include "tee/common/measurement.h"

namespace nacre::tee::sev {

// CPUID Fn0000_0001 EAX of a QEMU CPU model ("EPYC-v4", "EPYC-Milan", "EPYC-Genoa-v1", ...), or the
// number itself when `vcpu_type` is "0x...". kInvalidArgument lists the known models.
absl::StatusOr<uint32_t> VcpuSignature(std::string_view vcpu_type);

// Every model by name.
const std::map<std::string_view, uint32_t>& KnownVcpuModels();

// Reads the files, hashes, computes. kInvalidArgument: inputs that do not fit (see
// LaunchInputs::Validate), a kernel with firmware that has no place for kernel hashes, more than
// one vCPU with firmware that has no reset block. Refusal classes ARG, FORMAT (firmware) and
// NO_KERNEL_HASHES. File errors name the file.
absl::StatusOr<Measurement> MeasureLaunch(const LaunchInputs& inputs);

// The same from bytes already in memory; the paths in `inputs` only say which parts exist.
absl::StatusOr<Measurement> MeasureLaunch(const LaunchInputs& inputs, ByteView firmware,
                                          ByteView kernel, ByteView initrd);

// Computes the digest again from the parts of `measurement` (its `digest` is not read). SNP only:
// SEV and SEV-ES hash the whole image, which a measurement does not hold.
absl::StatusOr<Bytes> ReplaySnpDigest(const Measurement& measurement);

}  // namespace nacre::tee::sev
