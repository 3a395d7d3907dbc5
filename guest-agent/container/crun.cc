// crun protects its own program file from containers by copying it into sealed memory and executing
// that, at every call; from a tmpfs, where it lives here, it even does so twice. One such copy made
// here serves all calls: crun sees the seals and runs at once, a third of the work.

#include "guest-agent/container/crun.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"

namespace nacre::guest_agent {
namespace {

constexpr size_t kMaxLog = 64 << 10;
constexpr size_t kMaxMessage = 200;

// crun connects here and sends the master of the terminal it made.
absl::StatusOr<UniqueFd> ListenForTerminal(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path))
    return absl::InvalidArgumentError("console socket: the path is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "console socket");
  unlink(path.c_str());
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(fd.get(), 1) != 0)
    return ErrnoStatus(errno, "console socket");
  return fd;
}

// crun has ended well, so its connection is already waiting.
absl::StatusOr<UniqueFd> ReceiveTerminal(int listener) {
  pollfd waiting = {listener, POLLIN, 0};
  if (poll(&waiting, 1, 0) != 1) return absl::InternalError("crun sent no terminal");
  const UniqueFd peer(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  if (!peer.valid()) return ErrnoStatus(errno, "console socket");
  char name[256];
  iovec data = {name, sizeof(name)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  if (recvmsg(peer.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
    return ErrnoStatus(errno, "console socket");
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN(sizeof(int)))
    return absl::InternalError("crun sent no terminal");
  int terminal;
  std::memcpy(&terminal, CMSG_DATA(header), sizeof(terminal));
  return UniqueFd(terminal);
}

absl::StatusOr<pid_t> ReadPid(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, 32), "pid file of crun");
  pid_t pid = 0;
  if (!ParseNumber(StripSpace(text), &pid) || pid <= 1)
    return absl::InternalError("pid file of crun holds no process id");
  return pid;
}

// An invalid descriptor when it cannot be made.
UniqueFd SealedCopy(const std::string& path) {
  constexpr size_t kMaxProgram = 16 << 20;
  const absl::StatusOr<Bytes> program = ReadFile(path, kMaxProgram);
  UniqueFd copy(memfd_create("crun", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!program.ok() || !copy.valid() || !WriteAll(copy.get(), *program).ok()) return UniqueFd();
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  return fcntl(copy.get(), F_ADD_SEALS, kSeals) == 0 ? std::move(copy) : UniqueFd();
}

}  // namespace

std::string SafeCrunMessage(std::string_view log) {
  const std::string_view text = StripSpace(log);
  std::string_view line = text.substr(text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1);
  if (line.empty()) return "no reason given";
  std::string out;
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool word_starts = i == 0 || line[i - 1] == ' ';
    if (quote == 0 && (c == '`' || c == '"' || (c == '\'' && word_starts))) {
      quote = c;
      out += "...";
    } else if (quote == 0 && c == '/' && word_starts) {
      out += "...";
      while (i + 1 < line.size() && line[i + 1] != ' ' && line[i + 1] != ':') ++i;
    } else if (quote != 0) {
      if (c == quote || (quote == '`' && c == '\'')) quote = 0;
    } else {
      out += c < 0x20 || c > 0x7e ? '?' : c;
    }
  }
  return out.substr(0, kMaxMessage);
}

std::string Crun::Program() {
  std::call_once(sealed_once_, [&] { sealed_ = SealedCopy(options_.program); });
  return sealed_.valid() ? StrCat("/proc/self/fd/", sealed_.get()) : options_.program;
}

absl::Status Crun::Run(std::vector<std::string> arguments, const std::string& folder,
                       const CrunStdio& stdio) {
  const std::string log = folder + "/crun.log";
  const std::string verb = arguments.front();
  SubprocessOptions options;
  options.argv = {
      Program(), "--root", options_.state_folder, "--cgroup-manager", options_.cgroup_manager,
      "--log",   log};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.env = std::vector<std::string>{"PATH=/usr/bin"};
  options.working_directory = folder;
  options.stdin_fd = stdio.input;
  options.stdout_fd = stdio.output;
  options.stderr_fd = stdio.error;
  unlink(log.c_str());
  ASSIGN_OR_RETURN(Subprocess crun, Subprocess::Start(options));
  absl::StatusOr<ExitStatus> exit = crun.WaitFor(options_.timeout_ms);
  if (absl::IsDeadlineExceeded(exit.status())) {
    RETURN_IF_ERROR(crun.Kill(SIGKILL));
    RETURN_IF_ERROR(crun.Wait().status());
    return absl::DeadlineExceededError(StrCat("crun ", verb, " took too long"));
  }
  RETURN_IF_ERROR(exit.status());
  if (exit->code == 0) return absl::OkStatus();
  const auto said = ReadTextFile(log, kMaxLog);
  return absl::InternalError(StrCat("crun ", verb, ": ", SafeCrunMessage(said.ok() ? *said : "")));
}

absl::StatusOr<Crun::Launched> Crun::Launch(std::vector<std::string> arguments,
                                            const std::string& id, const std::string& folder,
                                            bool terminal, const CrunStdio& stdio) {
  const std::string pid_file = folder + "/pid";
  const std::string socket = folder + "/console";
  arguments.insert(arguments.end(), {"--pid-file", pid_file});
  UniqueFd listener;
  if (terminal) {
    ASSIGN_OR_RETURN(listener, ListenForTerminal(socket));
    arguments.insert(arguments.end(), {"--console-socket", socket});
  }
  arguments.push_back(id);
  RETURN_IF_ERROR(Run(std::move(arguments), folder, terminal ? CrunStdio() : stdio));
  Launched out;
  ASSIGN_OR_RETURN(out.pid, ReadPid(pid_file));
  if (terminal) {
    ASSIGN_OR_RETURN(out.terminal, ReceiveTerminal(listener.get()));
  }
  return out;
}

absl::StatusOr<Crun::Launched> Crun::Create(const std::string& id, const std::string& bundle,
                                            bool terminal, const CrunStdio& stdio) {
  return Launch({"create", "--bundle", bundle}, id, bundle, terminal, stdio);
}

// What `crun start` does for a container without hooks, and ours have none: the created process
// waits for a byte in exec.fifo, and that the fifo is gone says "started" to later calls. Doing it
// here saves a whole run of the program. Anything unexpected is left to crun to do or explain.
absl::Status Crun::Start(const std::string& id, const std::string& bundle) {
  const std::string fifo = StrCat(options_.state_folder, "/", id, "/exec.fifo");
  const UniqueFd fd(open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
  struct stat info;
  if (!fd.valid() || fstat(fd.get(), &info) != 0 || !S_ISFIFO(info.st_mode) ||
      unlink(fifo.c_str()) != 0)
    return Run({"start", id}, bundle, {});
  return WriteAll(fd.get(), AsBytes("\n"));
}

absl::StatusOr<Crun::Launched> Crun::Exec(const std::string& id, const std::string& folder,
                                          const std::string& process_file, bool terminal,
                                          const CrunStdio& stdio) {
  return Launch({"exec", "--detach", "--process", process_file}, id, folder, terminal, stdio);
}

absl::Status Crun::Delete(const std::string& id, const std::string& bundle) {
  return Run({"delete", "--force", id}, bundle, {});
}

}  // namespace nacre::guest_agent
