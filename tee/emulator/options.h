// The command line of nacre-tee-emulator: a verb and "--name value" pairs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace nacre::tee::emulator {

inline constexpr std::string_view kUsage =
    "usage: nacre-tee-emulator init --dir D [--product Milan|Genoa|Turin]\n"
    "       nacre-tee-emulator firmware --out F\n"
    "       nacre-tee-emulator quote --dir D --report-data HEX --out F --collateral DIR\n"
    "                                [--tee snp|tdx] [--version 3|5 (snp), 4|5 (tdx)]\n"
    "                                [--endorsement vcek|vlek] [--launch launch.json]\n"
    "                                [--faults A,B | --faults-file F] [--at UNIX_SECONDS]\n"
    "       nacre-tee-emulator serve --dir D --launch launch.json (--socket S | --fd N)\n"
    "                                [--ready-fd N] [--version 3|5] [--endorsement vcek|vlek]\n"
    "                                [--faults A,B | --faults-file F]\n"
    "faults (snp): wrong-nonce bad-signature debug-policy swapped-chip stale-tcb mismatched-tcb\n"
    "              expired-leaf revoked-chain expired-collateral\n"
    "faults (tdx): wrong-nonce debug revoked-pck revoked-intermediate revoked-signer expired-crl\n"
    "              stale-tcb revoked-tcb stale-qe expired-collateral\n";

struct CommandLine {
  std::string verb;
  std::map<std::string, std::string, std::less<>> options;

  // kInvalidArgument naming the option.
  absl::StatusOr<std::string> Required(std::string_view name) const;
  // The value, or `fallback`.
  std::string Get(std::string_view name, std::string_view fallback = "") const;
  // A descriptor number, or -1 when the option is not given.
  absl::StatusOr<int> Descriptor(std::string_view name) const;
  // A whole number from 0 to `maximum`, or `fallback`.
  absl::StatusOr<uint64_t> Number(std::string_view name, uint64_t fallback, uint64_t maximum) const;
};

// kInvalidArgument for an unknown verb or option, an option without value or given twice.
absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments);

}  // namespace nacre::tee::emulator
