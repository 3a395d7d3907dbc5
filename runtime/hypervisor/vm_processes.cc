#include "runtime/hypervisor/vm_processes.h"

#include <cpuid.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "runtime/hypervisor/initdata_channel.h"
#include "runtime/hypervisor/process_record.h"
#include "runtime/hypervisor/scratch_file.h"
#include "runtime/node_cache/admission.h"

namespace nacre::runtime {
namespace {

// Descriptor numbers in the children. Fixed, so that command lines can be compared.
constexpr int kConsoleFd = 3;
constexpr int kQmpFd = 4;
constexpr int kAgentFd = 5;
constexpr int kTeeFd = 6;
constexpr int kBlobsFd = 7;
constexpr int kScratchFd = 8;
constexpr int kInitdataFd = 9;

constexpr char kQuoteServiceSocket[] = "/var/run/tdx-qgs/qgs.socket";

struct Channel {
  UniqueFd host;
  UniqueFd child;
};

absl::StatusOr<Channel> MakeChannel(std::string_view name) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return ErrnoStatus(errno, StrCat("channel ", name));
  }
  return Channel{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// CPUID Fn8000_001F EBX: bits 5:0 the C-bit's position, bits 11:6 the physical bits it costs.
absl::StatusOr<SevHostFacts> ReadSevHostFacts() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (!__get_cpuid(0x8000001f, &eax, &ebx, &ecx, &edx)) {
    return absl::FailedPreconditionError("tee = \"snp\": this CPU has no memory encryption");
  }
  return SevHostFacts{.cbit_position = ebx & 0x3f, .reduced_phys_bits = (ebx >> 6) & 0x3f};
}

absl::StatusOr<Subprocess> StartEmulator(const SandboxPlan& plan, const SandboxFiles& files,
                                         int tee_fd, int error_fd) {
  SubprocessOptions options;
  options.argv = {plan.emulator_path, "serve",           "--dir", plan.emulator_dir,
                  "--launch",         files.launch_json, "--fd",  StrCat(kConsoleFd)};
  options.stderr_fd = error_fd;
  options.inherit = {{tee_fd, kConsoleFd}};
  options.parent_death_signal = SIGKILL;
  return Subprocess::Start(options);
}

// The agent's end in the child, and what the host keeps: a socket's other end, or a context id.
struct AgentLine {
  UniqueFd child;
  UniqueFd host;
  uint32_t cid = 0;
};

absl::StatusOr<AgentLine> MakeAgentLine(AgentChannel wanted) {
  if (wanted != AgentChannel::kVirtioSerial) {
    absl::StatusOr<GuestCid> claimed = ClaimGuestCid();
    if (claimed.ok()) return AgentLine{std::move(claimed->device), UniqueFd(), claimed->cid};
    if (wanted == AgentChannel::kVsock) return Annotate(claimed.status(), "agent_channel");
  }
  ASSIGN_OR_RETURN(Channel channel, MakeChannel("agent"));
  return AgentLine{std::move(channel.child), std::move(channel.host)};
}

// The guest's connection to the node cache, or none: a pod starts without it.
UniqueFd JoinNodeCache(const SandboxPlan& plan) {
  if (plan.node_cache_socket.empty()) return UniqueFd();
  auto connection =
      ConnectNodeCache(plan.node_cache_socket, {plan.sandbox_id, plan.image_reference});
  if (connection.ok()) return *std::move(connection);
  // Most nodes have none, which is not worth a line.
  if (!absl::IsNotFound(connection.status())) {
    Log(LogLevel::kWarning, "node_cache_unused", {{"error", Message(connection.status())}});
  }
  return UniqueFd();
}

absl::StatusOr<VmResources> Resources(const SandboxPlan& plan, Accelerator accelerator,
                                      const AgentLine& agent) {
  VmResources resources;
  resources.accelerator = accelerator;
  resources.console_fd = kConsoleFd;
  resources.qmp_fd = kQmpFd;
  if (agent.cid != 0) {
    resources.vsock = VsockDevice{.fd = kAgentFd, .cid = agent.cid};
  } else {
    resources.agent_fd = kAgentFd;
  }
  resources.initdata_fd = kInitdataFd;
  if (plan.scratch_disk_mib != 0) resources.scratch_fd = kScratchFd;
  if (plan.tee == Tee::kEmulatedSnp) resources.tee_fd = kTeeFd;
  if (plan.tee == Tee::kSnp) {
    ASSIGN_OR_RETURN(resources.sev, ReadSevHostFacts());
  }
  if (plan.tee == Tee::kTdx && PathExists(kQuoteServiceSocket)) {
    resources.quote_service_socket = kQuoteServiceSocket;
  }
  return resources;
}

// The emulator, and both processes in the sandbox's record.
absl::Status StartCompanions(const SandboxPlan& plan, const SandboxFiles& files, int tee_fd,
                             int error_fd, VmProcesses* processes) {
  RETURN_IF_ERROR(RecordProcess(files.folder, "qemu", processes->qemu.pid()));
  if (tee_fd < 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(processes->emulator, StartEmulator(plan, files, tee_fd, error_fd));
  return RecordProcess(files.folder, "emulator", processes->emulator->pid());
}

void KillAndWait(Subprocess& process) {
  if (process.Kill(SIGKILL).ok()) (void)process.Wait();
}

}  // namespace

absl::StatusOr<VmProcesses> StartVmProcesses(const SandboxPlan& plan, const SandboxFiles& files,
                                             Accelerator accelerator) {
  ASSIGN_OR_RETURN(AgentLine agent, MakeAgentLine(plan.agent_channel));
  ASSIGN_OR_RETURN(VmResources resources, Resources(plan, accelerator, agent));
  const UniqueFd blobs = JoinNodeCache(plan);
  if (blobs.valid()) resources.blobs_fd = kBlobsFd;
  ASSIGN_OR_RETURN(const UniqueFd scratch, MakeScratchFile(plan));
  ASSIGN_OR_RETURN(Channel initdata, MakeChannel("initdata"));
  RETURN_IF_ERROR(FillInitdataChannel(initdata.host.get(), plan.initdata));
  SubprocessOptions options;
  ASSIGN_OR_RETURN(options.argv, QemuCommand(plan, resources));
  ASSIGN_OR_RETURN(Channel console, MakeChannel("console"));
  ASSIGN_OR_RETURN(Channel qmp, MakeChannel("qmp"));
  ASSIGN_OR_RETURN(Channel errors, MakeChannel("errors"));
  Channel tee;  // its host end goes to the emulator
  options.stdout_fd = errors.child.get();
  options.stderr_fd = errors.child.get();
  options.inherit = {{console.child.get(), kConsoleFd},
                     {qmp.child.get(), kQmpFd},
                     {agent.child.get(), kAgentFd},
                     {initdata.child.get(), kInitdataFd}};
  if (plan.tee == Tee::kEmulatedSnp) {
    ASSIGN_OR_RETURN(tee, MakeChannel("tee"));
    options.inherit.emplace_back(tee.child.get(), kTeeFd);
  }
  if (blobs.valid()) options.inherit.emplace_back(blobs.get(), kBlobsFd);
  if (scratch.valid()) options.inherit.emplace_back(scratch.get(), kScratchFd);
  options.parent_death_signal = SIGKILL;
  ASSIGN_OR_RETURN(Subprocess qemu, Subprocess::Start(options));
  VmProcesses processes{
      std::move(qemu),       std::nullopt, std::move(console.host), std::move(qmp.host),
      std::move(agent.host), agent.cid,    std::move(errors.host),  std::move(initdata.host)};
  const absl::Status companions =
      StartCompanions(plan, files, tee.host.get(), errors.child.get(), &processes);
  if (companions.ok()) return processes;
  KillAndWait(processes.qemu);
  if (processes.emulator) KillAndWait(*processes.emulator);
  return companions;
}

}  // namespace nacre::runtime
