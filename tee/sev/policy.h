// What an owner demands of a report that is genuine.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tee/common/appraisal.h"
#include "tee/sev/report.h"

namespace nacre::tee::sev {

// Demands on PLATFORM_INFO: each bit must have the value given, if one is.
struct PlatformDemands {
  std::optional<bool> smt{};
  std::optional<bool> tsme{};
  std::optional<bool> ecc{};
  std::optional<bool> rapl_disabled{};
  std::optional<bool> ciphertext_hiding{};
  std::optional<bool> alias_check_complete{};
};

// Defaults are the strict ones.
struct SnpPolicy {
  // The guest policy the hardware enforces. `allow_*`: the bit may be set; `require_*`: it must be.
  bool allow_debug = false;
  bool allow_migration_agent = false;
  bool allow_smt = true;
  bool require_single_socket = false;
  bool allow_cxl = false;
  bool require_aes_256_xts = false;
  bool require_rapl_disabled = false;
  bool require_ciphertext_hiding = false;
  bool require_page_swap_disabled = false;
  uint8_t min_abi_major = 0;
  uint8_t min_abi_minor = 0;

  bool allow_masked_chip_id = false;  // a VCEK-signed report whose chip id is all zero
  uint32_t max_vmpl = 0;              // refuse reports asked for from a less privileged level
  uint32_t min_guest_svn = 0;

  // Component by component, never as one number.
  std::optional<TcbComponents> min_tcb{};  // reported, committed and launch must each reach it
  std::optional<TcbComponents> min_reported_tcb{};
  std::optional<TcbComponents> min_committed_tcb{};
  std::optional<TcbComponents> min_launch_tcb{};
  std::optional<FirmwareVersion> min_firmware{};  // current and committed must each reach it
  PlatformDemands platform{};

  std::vector<std::string> csp_ids{};               // allowed VLEK cspID values; empty allows any
  std::vector<std::array<uint8_t, 64>> chip_ids{};  // allowed CHIP_ID values; empty allows any
  // Allowed digests of the keys that signed ID block and ID key; empty allows any, also none. With
  // author key digests the report must say that an author key was used.
  std::vector<std::array<uint8_t, 48>> id_key_digests{};
  std::vector<std::array<uint8_t, 48>> author_key_digests{};
};

// Appends one check per demand, and that the reserved bit of the guest policy is one. False when
// any of them failed. Classes: POLICY_DEBUG, VMPL, TCB_TOO_OLD, CHIP_ID, FORMAT (the reserved bit),
// POLICY for all else.
bool CheckPolicy(const Report& report, Product product, const SnpPolicy& policy,
                 Appraisal* appraisal);

}  // namespace nacre::tee::sev
