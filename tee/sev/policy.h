// What an owner demands of a report that is genuine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tee/common/appraisal.h"
#include "tee/sev/report.h"

namespace nacre::tee::sev {

// Defaults are the strict ones.
struct SnpPolicy {
  bool allow_debug = false;
  bool allow_migration_agent = false;
  bool allow_smt = true;
  bool require_single_socket = false;
  bool allow_masked_chip_id = false;  // a VCEK-signed report whose chip id is all zero
  uint32_t max_vmpl = 0;              // refuse reports asked for from a less privileged level
  uint8_t min_abi_major = 0;
  uint8_t min_abi_minor = 0;
  uint32_t min_guest_svn = 0;
  std::optional<TcbComponents> min_tcb{};  // reported, committed and launch must each reach it
  std::vector<std::string> csp_ids{};      // allowed VLEK cspID values; empty allows any
};

// Appends one check per demand. False when any of them failed.
bool CheckPolicy(const Report& report, Product product, const SnpPolicy& policy,
                 Appraisal* appraisal);

}  // namespace nacre::tee::sev
