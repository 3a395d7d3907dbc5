#include "runtime/shim/serve.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "net/ttrpc/server.h"
#include "runtime/shim/bundle.h"
#include "runtime/shim/event_publisher.h"
#include "runtime/shim/service.h"
#include "runtime/shim/start.h"

namespace nacre::runtime {
namespace {

constexpr int kFlushEventsMs = 2000;

std::string EnvironmentOr(const char* name, std::string_view otherwise) {
  const char* value = std::getenv(name);
  return std::string(value == nullptr ? otherwise : value);
}

// A shim is one of hundreds on a node: one heap for all its threads, and freed memory goes back.
void KeepMemorySmall() {
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 10);
  ::mallopt(M_MMAP_THRESHOLD, 64 << 10);
}

// containerd copies this FIFO into its own log. It may be away: then lines are lost, never waited
// for.
UniqueFd OpenShimLog() {
  auto log = OpenFile("log", O_RDWR | O_NONBLOCK);
  return log.ok() ? std::move(*log) : UniqueFd();
}

absl::StatusOr<std::string> WorkingDirectory() {
  char buffer[4096];
  if (::getcwd(buffer, sizeof buffer) == nullptr) return ErrnoStatus(errno, "working directory");
  return std::string(buffer);
}

// SIGTERM and SIGINT as containerd's Shutdown: blocked everywhere, taken by one thread.
class SignalThread {
 public:
  explicit SignalThread(std::function<void()> on_signal) {
    ::sigemptyset(&signals_);
    for (int number : {SIGTERM, SIGINT, SIGUSR2}) ::sigaddset(&signals_, number);
    ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    thread_ = std::thread([this, on_signal = std::move(on_signal)] {
      int number = 0;
      while (::sigwait(&signals_, &number) == 0 && number != SIGUSR2) on_signal();
    });
  }
  ~SignalThread() {
    ::pthread_kill(thread_.native_handle(), SIGUSR2);
    thread_.join();
  }

 private:
  sigset_t signals_;
  std::thread thread_;
};

}  // namespace

absl::Status ServeShim(const ShimFlags& flags) {
  KeepMemorySmall();
  ::signal(SIGPIPE, SIG_IGN);
  const UniqueFd log = OpenShimLog();
  InitLog("containerd-shim-nacre-v2", log.valid() ? log.get() : STDERR_FILENO,
          flags.debug ? LogLevel::kDebug : LogLevel::kInfo);
  ASSIGN_OR_RETURN(std::string bundle, WorkingDirectory());
  UniqueFd listener(kListenerFd);
  if (::fcntl(kListenerFd, F_SETFD, FD_CLOEXEC) != 0) {
    listener.Release();
    return absl::FailedPreconditionError(
        "no socket on descriptor 3: this program is started by containerd, with `start`");
  }
  ttrpc::ServerOptions server_options;
  server_options.max_calls = 256;  // a Wait for each process, and the calls about them
  server_options.require_same_user = true;
  ttrpc::Server server(server_options);
  SignalThread signals([&server] { server.Stop(); });
  EventPublisherOptions publishing;
  publishing.ns = flags.ns;
  publishing.address = flags.address;
  publishing.publish_binary = flags.publish_binary;
  publishing.ttrpc_address = EnvironmentOr("TTRPC_ADDRESS", "");
  EventPublisher publisher(std::move(publishing));
  TaskServiceOptions options;
  options.ns = flags.ns;
  options.id = flags.id;
  options.bundle = bundle;
  options.default_config = EnvironmentOr("NACRE_CONFIG", kDefaultConfigPath);
  options.publisher = &publisher;
  options.shut_down = [&server] { server.Stop(); };
  absl::Status status;
  {
    TaskService service(std::move(options));
    service.Register(server);
    status = server.Serve(std::move(listener));
  }
  (void)publisher.Flush(kFlushEventsMs);
  const std::string address = ReadShimAddress(".");
  if (address.starts_with("unix:///")) (void)::unlink(address.c_str() + 7);
  return status;
}

}  // namespace nacre::runtime
