// What AMD's extensions (1.3.6.1.4.1.3704.1.*; AMD 57230, section 3) in a VCEK or VLEK certificate
// say: the product and patch levels the key was derived for, and whose key it is.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "crypto/x509.h"
#include "tee/sev/report.h"

namespace nacre::tee::sev {

inline constexpr char kOidProductName[] = "1.3.6.1.4.1.3704.1.2";
inline constexpr char kOidHardwareId[] = "1.3.6.1.4.1.3704.1.4";
inline constexpr char kOidCspId[] = "1.3.6.1.4.1.3704.1.5";
// Subject of every leaf.
inline constexpr std::string_view kVcekName = "SEV-VCEK";
inline constexpr std::string_view kVlekName = "SEV-VLEK";

// One byte of TCB_VERSION and the extension that must equal it.
struct SplExtension {
  const char* oid;
  size_t tcb_index;
  std::string_view name;  // "blSPL"
};
// Milan and Genoa: all eight. Turin: the five whose place in TCB_VERSION is known.
std::vector<SplExtension> SplExtensions(Product product);

struct VekExtensions {
  std::string product_name;  // "Milan-B0", "Genoa", ...
  TcbVersion tcb;            // bytes without an extension are zero
  Bytes hardware_id;         // VCEK: 64 bytes, 8 on Turin; empty for a VLEK
  std::string csp_id;        // VLEK; empty for a VCEK
};

// By the subject, VCEK or VLEK. kInvalidArgument naming the extension that is missing (classes
// TCB_MISMATCH, CHIP_ID, PRODUCT, KEY_TYPE by which) or malformed (FORMAT), or when the subject is
// neither (KEY_TYPE).
absl::StatusOr<VekExtensions> ReadVekExtensions(const crypto::Certificate& leaf, Product product);

// Size of the hardware id: 8 bytes on Turin, 64 before.
size_t HardwareIdSize(Product product);

}  // namespace nacre::tee::sev
