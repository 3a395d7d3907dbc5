// What Intel's extension (1.2.840.113741.1.13.1; "Intel SGX PCK Certificate and Certificate
// Revocation List Profile Specification", section 1.3.5) in a PCK certificate says of a platform.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "crypto/x509.h"

namespace nacre::tee::tdx {

inline constexpr char kOidSgxExtension[] = "1.2.840.113741.1.13.1";

enum class SgxType { kStandard = 0, kScalable = 1, kScalableWithIntegrity = 2 };

struct PckExtension {
  std::array<uint8_t, 16> ppid{};
  std::array<uint8_t, 16> sgx_svn{};  // SVN of each TCB component
  uint16_t pce_svn = 0;
  std::array<uint8_t, 16> cpu_svn{};
  std::array<uint8_t, 2> pce_id{};
  std::array<uint8_t, 6> fmspc{};
  SgxType sgx_type = SgxType::kStandard;
  // Of platforms registered as a whole (Platform CA); absent under the Processor CA.
  std::optional<std::array<uint8_t, 16>> platform_instance_id;
  std::optional<bool> dynamic_platform;
  std::optional<bool> cached_keys;
  std::optional<bool> smt_enabled;

  bool operator==(const PckExtension&) const = default;
};

// DER of the extension's value. kInvalidArgument naming the part that is missing, there twice, of
// the wrong size or not known.
absl::StatusOr<PckExtension> ParsePckExtension(ByteView der);
absl::StatusOr<PckExtension> ReadPckExtension(const crypto::Certificate& pck);
// DER that parses to the same: for the emulator.
Bytes SerializePckExtension(const PckExtension& extension);

}  // namespace nacre::tee::tdx
