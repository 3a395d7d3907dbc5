// nacre-agent: as PID 1 the guest's init, which forks the agent proper; with --agent only that.
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "base/log.h"
#include "guest-agent/init/init.h"
#include "guest-agent/service/agent.h"
#include "guest-agent/service/dispatcher.h"

namespace {

int RunAgentProcess() {
  const absl::Status status = nacre::guest_agent::RunAgent();
  if (status.ok()) return 0;
  nacre::Log(nacre::LogLevel::kError, "agent_refused", {{"error", status.ToString()}});
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  nacre::InitLog("nacre-agent", STDERR_FILENO, nacre::LogLevel::kInfo);
  if (getpid() == 1) nacre::guest_agent::RunInit(RunAgentProcess);
  const std::string_view verb = argc == 2 ? argv[1] : "";
  if (verb == "--agent") return RunAgentProcess();
  if (verb == "--version") {
    std::printf("nacre-agent %s\n", std::string(nacre::guest_agent::kAgentVersion).c_str());
    return 0;
  }
  std::fprintf(stderr, "nacre-agent: runs as PID 1 of a guest; by hand: --agent or --version\n");
  return 2;
}
