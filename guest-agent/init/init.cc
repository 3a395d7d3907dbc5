// The agent is forked, not executed anew: the program is loaded and relocated once, which on an
// emulated processor is a noticeable part of the start.

#include "guest-agent/init/init.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/log.h"
#include "base/status.h"
#include "guest-agent/init/modules.h"
#include "guest-agent/init/mounts.h"
#include "guest-agent/service/agent_port.h"
#include "guest-agent/service/timeline.h"

namespace nacre::guest_agent {
namespace {

constexpr char kModuleList[] = "/lib/nacre/modules.list";
constexpr char kCertificates[] = "/etc/ssl/certs/ca-certificates.crt";  // for public registries

// The kernel may have found no /dev/console in the image; now there is one.
void OpenConsole() {
  if (fcntl(STDERR_FILENO, F_GETFD) >= 0) return;
  const int console = open("/dev/console", O_RDWR | O_NOCTTY);
  for (int fd = 0; console >= 0 && fd <= STDERR_FILENO; ++fd) {
    if (fd != console) dup2(console, fd);
  }
}

// Everything written so far leaves the serial port first: the last line says why.
[[noreturn]] void PowerOff() {
  sync();
  tcdrain(STDERR_FILENO);
  reboot(RB_POWER_OFF);
  // No power switch: the end of PID 1 is a panic, which ends the machine too.
  _exit(1);
}

[[noreturn]] void PowerOffBecause(const absl::Status& status) {
  Log(LogLevel::kError, "init_failed", {{"error", status.ToString()}});
  PowerOff();
}

// A guest without a vsock device needs no driver for it.
std::string_view UnwantedModules() {
  return FindAgentPort() == AgentPort::kVirtioSerial ? "vsock" : "";
}

absl::Status Prepare() {
  clearenv();  // what early_environment.h left has done its work
  setenv("PATH", "/usr/bin", 1);
  setenv("SSL_CERT_FILE", kCertificates, 1);
  RETURN_IF_ERROR(MoveRoot());
  RETURN_IF_ERROR(MountSystem());
  OpenConsole();
  reboot(RB_DISABLE_CAD);
  LogTimeline("kernel_started");
  RETURN_IF_ERROR(LoadModules(kModuleList, UnwantedModules()));
  MountConfigfs();
  return absl::OkStatus();
}

// Returns when `agent` has ended; everybody else's orphans are only collected.
int ReapUntil(pid_t agent) {
  while (true) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, 0);
    if (pid == agent || (pid < 0 && errno == ECHILD)) return status;
  }
}

}  // namespace

void RunInit(int (*agent)()) {
  const absl::Status prepared = Prepare();
  if (!prepared.ok()) PowerOffBecause(prepared);
  const pid_t pid = fork();
  if (pid < 0) PowerOffBecause(ErrnoStatus(errno, "starting the agent"));
  if (pid == 0) {
    setsid();
    _exit(agent());
  }
  const int status = ReapUntil(pid);
  Log(WIFEXITED(status) && WEXITSTATUS(status) == 0 ? LogLevel::kInfo : LogLevel::kError,
      "power_off",
      {{"agent", WIFSIGNALED(status) ? "killed" : "exited"},
       {WIFSIGNALED(status) ? "signal" : "code",
        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)}});
  PowerOff();
}

}  // namespace nacre::guest_agent
