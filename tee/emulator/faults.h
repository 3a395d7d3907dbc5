// What an emulated platform can be told to do wrong, one thing each, so that every refusal can be
// seen from end to end.
#pragma once

#include <set>
#include <string_view>

#include "base/status.h"

namespace nacre::tee::emulator {

enum class SnpFault {
  kWrongNonce,         // the report carries other report data than asked for: REPORT_DATA
  kBadSignature,       // SIGNATURE
  kDebugPolicy,        // the guest may be debugged: POLICY_DEBUG
  kSwappedChip,        // the report is of another chip than the VCEK: CHIP_ID
  kStaleTcb,           // an older SNP firmware, certified as such: TCB_TOO_OLD by a minimum TCB
  kMismatchedTcb,      // the leaf is certified for another TCB than reported: TCB_MISMATCH
  kExpiredLeaf,        // EXPIRED
  kRevokedChain,       // the ARK's CRL lists the intermediate: REVOKED
  kExpiredCollateral,  // the ARK's CRL is out of date: CRL_EXPIRED
};

// "wrong-nonce", "bad-signature", "debug-policy", "swapped-chip", "stale-tcb", "mismatched-tcb",
// "expired-leaf", "revoked-chain", "expired-collateral".
std::string_view SnpFaultName(SnpFault fault);
// Names separated by commas, spaces or line ends; '#' begins a comment. kInvalidArgument names the
// one that is not known.
absl::StatusOr<std::set<SnpFault>> ParseSnpFaults(std::string_view text);

// The names in such a text, for faults of other platforms.
std::set<std::string_view> FaultNames(std::string_view text);

}  // namespace nacre::tee::emulator
