#include "runtime/shim/delete.h"

#include <unistd.h>

#include "base/file.h"
#include "runtime/hypervisor/process_record.h"
#include "runtime/shim/bundle.h"
#include "runtime/shim/process.h"
#include "runtime/shim/timestamp.h"

namespace nacre::runtime {
namespace {

constexpr int kKillTimeoutMs = 3000;

}  // namespace

absl::StatusOr<containerd::task::v2::DeleteResponse> DeleteShim(const ShimFlags& flags) {
  const std::string bundle = flags.bundle.empty() ? "." : flags.bundle;
  ASSIGN_OR_RETURN(std::string sandbox, ReadSandboxPath(bundle, flags.ns, flags.id));
  if (!sandbox.empty()) {
    // QEMU dies with its shim; this waits until it has, and kills what a lost signal left.
    RETURN_IF_ERROR(KillRecordedProcesses(sandbox, kKillTimeoutMs));
    RETURN_IF_ERROR(RemoveTree(sandbox));
  }
  const std::string address = ReadShimAddress(bundle);
  if (address.starts_with("unix:///")) {
    (void)::unlink(address.c_str() + std::string_view("unix://").size());
  }
  containerd::task::v2::DeleteResponse response;
  response.set_exit_status(kGuestLostExitCode);
  *response.mutable_exited_at() = Now();
  return response;
}

}  // namespace nacre::runtime
