#include "runtime/sandbox/kernel_command_line.h"

#include <algorithm>
#include <vector>

#include "base/strings.h"

namespace nacre::runtime {
namespace {

// console: the guest's only way to explain a refusal before its agent answers.
// panic=-1: a panic ends the VM at once (QEMU runs with -no-reboot) instead of hanging the pod.
// i8042.*: no waiting for a keyboard that is not there.
// no_timer_check: as the kernel sets it itself under KVM. Emulated on a busy machine, a timer can
// be too late for the check, and the kernel then panics. The last two save 0.3 s of boot under
// emulation: no tests of the kernel's own ciphers (they are about a build, not about a machine),
// and no rewriting of locked instructions for a single CPU.
constexpr std::string_view kOwnArguments =
    "console=ttyS0 quiet loglevel=3 panic=-1 i8042.noaux i8042.nokbd no_timer_check "
    "cryptomgr.notests noreplace-smp";

absl::Status AddWords(std::string_view where, std::string_view params,
                      std::vector<std::string>* words) {
  for (unsigned char c : params) {
    if (c < 0x20 || c > 0x7e) {
      return absl::InvalidArgumentError(
          StrCat(where, ": expected printable ASCII, got byte ", static_cast<int>(c)));
    }
  }
  for (std::string_view word : StrSplit(params, ' ')) {
    if (word.empty()) continue;
    const std::string_view key = word.substr(0, word.find('='));
    if (key == "nacre.tee") {
      return absl::InvalidArgumentError(
          StrCat(where, ": '", key, "' is set by the runtime and cannot be changed"));
    }
    words->emplace_back(word);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> KernelCommandLine(Tee tee, std::string_view config_params,
                                              std::string_view pod_params) {
  std::vector<std::string> words = {std::string(kOwnArguments)};
  if (tee == Tee::kEmulatedSnp) words.push_back("nacre.tee=emulated");
  RETURN_IF_ERROR(AddWords("[hypervisor] kernel_params", config_params, &words));
  RETURN_IF_ERROR(AddWords("annotation kernel_params", pod_params, &words));
  std::string line = StrJoin(words, " ");
  if (line.size() >= kMaxKernelCommandLine) {
    return absl::InvalidArgumentError(StrCat("kernel command line is ", line.size(),
                                             " bytes; the kernel takes at most ",
                                             kMaxKernelCommandLine - 1));
  }
  return line;
}

}  // namespace nacre::runtime
