// containerd-shim-nacre-v2: containerd's runtime v2 shim. containerd runs it three ways: `start`
// (print the address of a shim for this container), `delete` (clean up after a dead one), and, by
// itself from `start`, without an action: serve. docs: containerd's docs/runtime-v2.md.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/strings.h"
#include "runtime/shim/bundle.h"
#include "runtime/shim/delete.h"
#include "runtime/shim/flags.h"
#include "runtime/shim/serve.h"
#include "runtime/shim/start.h"

namespace nacre::runtime {
namespace {

absl::StatusOr<std::string> ProgramPath() {
  char buffer[4096];
  const ssize_t size = ::readlink("/proc/self/exe", buffer, sizeof buffer);
  if (size < 0) return ErrnoStatus(errno, "/proc/self/exe");
  return std::string(buffer, static_cast<size_t>(size));
}

// containerd takes stdout whole as the answer: nothing else may be printed there.
void Print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

absl::Status Run(const std::vector<std::string>& arguments) {
  ASSIGN_OR_RETURN(ShimFlags flags, ParseShimFlags(arguments));
  switch (flags.action) {
    case ShimAction::kVersion:
      Print("containerd-shim-nacre-v2 " NACRE_VERSION "\n");
      return absl::OkStatus();
    case ShimAction::kStart: {
      ASSIGN_OR_RETURN(std::string program, ProgramPath());
      const char* root =
          std::getenv("NACRE_SHIM_SOCKET_ROOT");  // for hosts without /run/containerd
      ASSIGN_OR_RETURN(std::string address,
                       StartShim(flags, program, root == nullptr ? kShimSocketRoot : root));
      Print(address);
      return absl::OkStatus();
    }
    case ShimAction::kDelete: {
      ASSIGN_OR_RETURN(auto response, DeleteShim(flags));
      Print(response.SerializeAsString());
      return absl::OkStatus();
    }
    case ShimAction::kServe:
      break;
  }
  const absl::Status status = ServeShim(flags);
  if (!status.ok()) Log(LogLevel::kError, "shim_failed", {{"error", Message(status)}});
  return status;
}

}  // namespace
}  // namespace nacre::runtime

int main(int argc, char** argv) {
  const absl::Status status = nacre::runtime::Run(std::vector<std::string>(argv + 1, argv + argc));
  if (status.ok()) return 0;
  const std::string line =
      nacre::StrCat("containerd-shim-nacre-v2: ", nacre::Message(status), "\n");
  std::fwrite(line.data(), 1, line.size(), stderr);
  return 1;
}
