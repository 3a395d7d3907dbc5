// What the owner demands of a trust domain that is already known to be genuine.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tee/common/appraisal.h"
#include "tee/tdx/pck_extension.h"
#include "tee/tdx/quote.h"
#include "tee/tdx/tcb.h"

namespace nacre::tee::tdx {

struct TdxPolicy {
  // TD attributes.
  bool allow_debug = false;
  bool require_sept_ve_disable = true;  // else the host may inject #VE where the guest expects none
  bool allow_migration = false;
  bool allow_perfmon = false;
  bool allow_protection_keys = true;  // PKS
  bool allow_key_locker = true;       // KL
  // XFAM: bits that must be set, and the only ones that may be.
  uint64_t xfam_required = 0x3;
  uint64_t xfam_allowed = 0x6dbe7;
  // TCB. Revoked is never accepted.
  std::set<TcbStatus> accepted_statuses = {TcbStatus::kUpToDate};
  std::set<std::string> refused_advisories;  // whatever the status
  uint32_t min_tcb_evaluation_number = 0;
  bool require_same_evaluation_number = true;  // of TCB info and QE identity
  // Platform flags of the PCK; absent flags count as false.
  bool allow_dynamic_platform = true;
  bool allow_cached_keys = true;
  bool allow_smt = true;
  // Identity. An empty list or nullopt accepts any; lengths are the fields' own (48, 64 bytes).
  std::vector<Bytes> allowed_mrseam;
  std::optional<Bytes> mrtd;
  std::optional<Bytes> mrconfigid;
  std::optional<Bytes> mrowner;
  std::optional<Bytes> mrownerconfig;
  std::optional<Bytes> mrservicetd;  // a TD 1.0 body has none and is refused then
  std::array<std::optional<Bytes>, 4> rtmr;
  std::optional<Bytes> report_data;  // all 64 bytes
};

struct TcbNumbers {
  uint32_t tcb_info = 0;  // tcbEvaluationDataNumber
  uint32_t qe_identity = 0;
};

// Adds one check for each demand that is made; true when all are met.
bool CheckTdxPolicy(const TdBody& td, const PckExtension& pck, const TcbEvaluation& tcb,
                    const TcbNumbers& numbers, const TdxPolicy& policy, Appraisal* appraisal);

}  // namespace nacre::tee::tdx
