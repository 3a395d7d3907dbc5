#include "tee/emulator/faults.h"

#include "base/strings.h"

namespace nacre::tee::emulator {
namespace {

struct Name {
  SnpFault fault;
  std::string_view name;
};
constexpr Name kNames[] = {
    {SnpFault::kWrongNonce, "wrong-nonce"},
    {SnpFault::kBadSignature, "bad-signature"},
    {SnpFault::kDebugPolicy, "debug-policy"},
    {SnpFault::kSwappedChip, "swapped-chip"},
    {SnpFault::kStaleTcb, "stale-tcb"},
    {SnpFault::kMismatchedTcb, "mismatched-tcb"},
    {SnpFault::kExpiredLeaf, "expired-leaf"},
    {SnpFault::kRevokedChain, "revoked-chain"},
    {SnpFault::kExpiredCollateral, "expired-collateral"},
};

}  // namespace

std::string_view SnpFaultName(SnpFault fault) {
  for (const Name& entry : kNames) {
    if (entry.fault == fault) return entry.name;
  }
  return "unknown";
}

std::set<std::string_view> FaultNames(std::string_view text) {
  std::set<std::string_view> out;
  for (std::string_view line : StrSplit(text, '\n')) {
    line = line.substr(0, line.find('#'));
    while (!line.empty()) {
      const size_t end = std::min(line.find_first_of(", \t\r"), line.size());
      if (end > 0) out.insert(line.substr(0, end));
      line.remove_prefix(std::min(end + 1, line.size()));
    }
  }
  return out;
}

absl::StatusOr<std::set<SnpFault>> ParseSnpFaults(std::string_view text) {
  std::set<SnpFault> out;
  for (std::string_view name : FaultNames(text)) {
    bool known = false;
    for (const Name& entry : kNames) {
      if (entry.name != name) continue;
      out.insert(entry.fault);
      known = true;
    }
    if (known) continue;
    std::string all;
    for (const Name& entry : kNames) StrAppend(&all, all.empty() ? "" : ", ", entry.name);
    return absl::InvalidArgumentError(StrCat("fault '", name, "' is unknown (known: ", all, ")"));
  }
  return out;
}

}  // namespace nacre::tee::emulator
