// Did the guest start with what a reference value says, for guests whose start is in registers: a
// trust domain's MRTD and RTMRs, a TPM's PCRs? A refusal names the register that differs.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "attestation/reference/reference_value.h"
#include "attestation/reference/tdx_reference.h"
#include "attestation/reference/tpm_reference.h"
#include "tee/common/appraisal.h"
#include "tee/tdx/quote.h"

namespace nacre::attestation {

// What an owner registered.
struct ReferenceSet {
  std::vector<ReferenceValue> snp;
  std::vector<TdxReferenceValue> tdx;
  std::vector<TpmReferenceValue> tpm;
};

// Adds "launch measurement", class MEASUREMENT. A reference in force matches when MRTD, RTMR1 and
// RTMR2 are its own, and RTMR0 too: one without RTMR1 or RTMR2 says nothing of the kernel and
// matches none, one without RTMR0 only when `require_rtmr0` is false. `proven_log`, which replays
// to these registers (or is empty), lets the refusal name the first event that differs.
bool CheckTdxLaunch(const tee::tdx::TdBody& td, const std::vector<TdxReferenceValue>& references,
                    bool require_rtmr0, ByteView proven_log, int64_t now,
                    tee::Appraisal* appraisal);

// The same for a TPM's PCRs: a reference matches when every PCR it names is its own. One that names
// none, or names PCRs of another bank than `bank`, matches nothing.
bool CheckTpmLaunch(tee::eventlog::Bank bank, const std::map<uint32_t, Bytes>& pcrs,
                    const std::vector<TpmReferenceValue>& references, int64_t now,
                    tee::Appraisal* appraisal);

}  // namespace nacre::attestation
