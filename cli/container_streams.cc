// The fifos are opened here before containerd hears of them: for reading without waiting for a
// writer, and standard input for both, because a writer alone cannot open a fifo nobody reads yet.
// poll() on a fifo reports nothing until its first writer has come, and a hang-up when the last one
// has gone: that is the end of an output.
//
// Bytes read are held until the other side takes them, at most one buffer per stream, so a slow
// reader of ours slows the container and nothing else.

#include "cli/container_streams.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/strings.h"

namespace nacre::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kKillAfterMs = 10'000;
constexpr size_t kBuffer = 64 << 10;

// One direction: bytes from `from`, in order, to `to`.
struct Copy {
  int from = -1;
  int to = -1;
  size_t piece = kBuffer;  // what one write may take without waiting, once poll says it is ready
  std::string held = "";
  bool ended = false;   // nothing more comes
  bool broken = false;  // nobody takes it: what comes is dropped

  bool done() const { return ended && held.empty(); }
  bool wants_to_read() const { return !ended && held.empty(); }

  void Read() {
    held.resize(kBuffer);
    const ssize_t got = read(from, held.data(), held.size());
    const bool later = got < 0 && (errno == EAGAIN || errno == EINTR);
    held.resize(got > 0 && !broken ? static_cast<size_t>(got) : 0);
    if (got <= 0 && !later) ended = true;
  }
  void Write() {
    const ssize_t sent = write(to, held.data(), std::min(held.size(), piece));
    if (sent >= 0) {
      held.erase(0, static_cast<size_t>(sent));
    } else if (errno != EAGAIN && errno != EINTR) {
      Break();
    }
  }
  void Break() {
    broken = true;
    held.clear();
  }
};

// A pipe that is ready takes PIPE_BUF bytes at once; a file or a terminal any number.
size_t PieceFor(int fd) {
  struct stat info = {};
  const bool file = fstat(fd, &info) == 0 && (S_ISREG(info.st_mode) || S_ISCHR(info.st_mode));
  return file ? kBuffer : PIPE_BUF;
}

bool StdinIsEmpty() {
  struct stat ours = {};
  struct stat null = {};
  if (fstat(STDIN_FILENO, &ours) != 0) return true;
  return stat("/dev/null", &null) == 0 && S_ISCHR(ours.st_mode) && ours.st_rdev == null.st_rdev;
}

sigset_t HeldSignals() {
  sigset_t held;
  sigemptyset(&held);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH}) sigaddset(&held, signal);
  return held;
}

absl::StatusOr<UniqueFd> MakeFifo(const std::string& path, int flags) {
  if (mkfifo(path.c_str(), 0600) != 0) return ErrnoStatus(errno, "making the fifo " + path);
  return OpenFile(path, flags | O_NONBLOCK);
}

}  // namespace

class ContainerStreams::Pump {
 public:
  explicit Pump(StreamActions actions) : actions_(std::move(actions)) {}

  absl::Status Open(const TaskStreams& paths) {
    ASSIGN_OR_RETURN(out_fifo_, MakeFifo(paths.out, O_RDONLY));
    if (paths.err.empty()) {
      err_.ended = true;
    } else {
      ASSIGN_OR_RETURN(err_fifo_, MakeFifo(paths.err, O_RDONLY));
      err_ = {.from = err_fifo_.get(), .to = STDERR_FILENO, .piece = PieceFor(STDERR_FILENO)};
    }
    out_ = {.from = out_fifo_.get(), .to = STDOUT_FILENO, .piece = PieceFor(STDOUT_FILENO)};
    in_.ended = paths.in.empty();
    stdin_closed_ = in_.ended;
    if (!in_.ended) {
      ASSIGN_OR_RETURN(in_fifo_, MakeFifo(paths.in, O_RDWR));
      in_.from = STDIN_FILENO;
      in_.to = in_fifo_.get();
      in_.piece = PIPE_BUF;
    }
    const sigset_t held = HeldSignals();
    signals_.Reset(signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_.valid()) return ErrnoStatus(errno, "signalfd");
    wake_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_.valid()) return ErrnoStatus(errno, "eventfd");
    return absl::OkStatus();
  }

  void Run() {
    while (Step()) {
    }
  }

  bool SetRunning() {
    std::lock_guard lock(mutex_);
    if (interrupted_by_ != 0) return false;
    running_ = true;
    Wake();
    return true;
  }
  int interrupted_by() {
    std::lock_guard lock(mutex_);
    return interrupted_by_;
  }
  void Drain(int grace_ms) {
    std::unique_lock lock(mutex_);
    drain_until_ = Clock::now() + std::chrono::milliseconds(grace_ms);
    Wake();
    drained_changed_.wait(lock, [this] { return drained_; });
  }
  void Stop() {
    std::lock_guard lock(mutex_);
    stop_ = true;
    Wake();
  }

 private:
  void Wake() {
    const uint64_t one = 1;
    if (write(wake_.get(), &one, sizeof one) < 0) return;  // full: it is awake already
  }

  // One round: wait for something, then do all that is ready. False to stop.
  bool Step() {
    bool running = false;
    std::optional<Clock::time_point> until;
    {
      std::lock_guard lock(mutex_);
      if (stop_) return false;
      running = running_;
      if (!late_) until = drain_until_;
      if (drain_until_) kill_at_.reset();
    }
    if (kill_at_ && (!until || *kill_at_ < *until)) until = kill_at_;
    const bool input = running && !stdin_closed_;
    std::vector<pollfd> fds = {{signals_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    for (Copy* copy : {&out_, &err_, &in_}) {
      const bool active = copy != &in_ || input;
      fds.push_back({active && copy->wants_to_read() ? copy->from : -1, POLLIN, 0});
      fds.push_back({active && !copy->held.empty() ? copy->to : -1, POLLOUT, 0});
    }
    poll(fds.data(), fds.size(), TimeoutMs(until));
    if (fds[1].revents != 0) ClearWake();
    size_t i = 2;
    for (Copy* copy : {&out_, &err_, &in_}) {
      if (fds[i++].revents != 0) copy->Read();
      if (fds[i++].revents != 0) copy->Write();
    }
    if (fds[0].revents != 0) TakeSignal();
    AfterCopying(running, input);
    return true;
  }

  static int TimeoutMs(const std::optional<Clock::time_point>& until) {
    if (!until) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now()).count();
    return static_cast<int>(std::clamp<int64_t>(left, 0, INT_MAX));
  }

  void ClearWake() {
    uint64_t count = 0;
    if (read(wake_.get(), &count, sizeof count) < 0) return;
  }

  void TakeSignal() {
    signalfd_siginfo info = {};
    if (read(signals_.get(), &info, sizeof info) != sizeof info) return;
    const int signal = static_cast<int>(info.ssi_signo);
    bool running = false;
    bool draining = false;
    {
      std::lock_guard lock(mutex_);
      running = running_;
      draining = drain_until_.has_value();
      if (!running && interrupted_by_ == 0 && signal != SIGWINCH) interrupted_by_ = signal;
    }
    if (signal == SIGWINCH) {
      if (running && !draining) actions_.resize();
      return;
    }
    if (!running) {
      actions_.cancel_start();
    } else if (draining) {
      out_.Break();  // the container is gone and a reader of ours is slow: give up on the output
      err_.Break();
    } else if (kill_at_) {
      KillNow();
    } else {
      actions_.kill(signal);
      kill_at_ = Clock::now() + std::chrono::milliseconds(kKillAfterMs);
    }
  }

  void KillNow() {
    actions_.kill(SIGKILL);
    kill_at_ = Clock::now() + std::chrono::milliseconds(kKillAfterMs);
  }

  void AfterCopying(bool running, bool input) {
    if (out_.broken && !reported_broken_) {
      reported_broken_ = true;
      if (running) KillNow();
    }
    if (kill_at_ && Clock::now() >= *kill_at_) KillNow();
    if (input && (in_.done() || in_.broken)) {
      stdin_closed_ = true;
      in_fifo_.Reset();
      actions_.close_stdin();
    }
    std::lock_guard lock(mutex_);
    if (!drain_until_ || drained_) return;
    late_ = late_ || Clock::now() >= *drain_until_;
    auto finished = [this](const Copy& copy) {
      return copy.broken || (copy.held.empty() && (copy.ended || late_));
    };
    drained_ = finished(out_) && finished(err_);
    if (drained_) drained_changed_.notify_all();
  }

  const StreamActions actions_;
  UniqueFd out_fifo_, err_fifo_, in_fifo_, signals_, wake_;
  Copy out_, err_, in_;
  bool stdin_closed_ = true;
  bool reported_broken_ = false;
  bool late_ = false;  // the grace of Drain is over
  std::optional<Clock::time_point> kill_at_;

  std::mutex mutex_;
  std::condition_variable drained_changed_;
  bool running_ = false;
  bool stop_ = false;
  bool drained_ = false;
  int interrupted_by_ = 0;
  std::optional<Clock::time_point> drain_until_;
};

void ContainerStreams::HoldSignals() {
  const sigset_t held = HeldSignals();
  pthread_sigmask(SIG_BLOCK, &held, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  // In the background a terminal cannot be read; that is an end of input, not a reason to stop.
  std::signal(SIGTTIN, SIG_IGN);
}

ContainerStreams::ContainerStreams(TemporaryDirectory folder, TaskStreams paths,
                                   std::unique_ptr<Pump> pump)
    : folder_(std::move(folder)), paths_(std::move(paths)), pump_(std::move(pump)) {
  thread_ = std::thread([this] { pump_->Run(); });
}

ContainerStreams::~ContainerStreams() {
  pump_->Stop();
  thread_.join();
}

absl::StatusOr<std::unique_ptr<ContainerStreams>> ContainerStreams::Start(bool terminal,
                                                                          StreamActions actions) {
  ASSIGN_OR_RETURN(TemporaryDirectory folder, TemporaryDirectory::Create("nacre-run"));
  TaskStreams paths = {.in = StdinIsEmpty() ? "" : folder.path() + "/stdin",
                       .out = folder.path() + "/stdout",
                       .err = terminal ? "" : folder.path() + "/stderr",
                       .terminal = terminal};
  auto pump = std::make_unique<Pump>(std::move(actions));
  RETURN_IF_ERROR(pump->Open(paths));
  return std::unique_ptr<ContainerStreams>(
      new ContainerStreams(std::move(folder), std::move(paths), std::move(pump)));
}

bool ContainerStreams::Running() { return pump_->SetRunning(); }
int ContainerStreams::interrupted_by() const { return pump_->interrupted_by(); }
void ContainerStreams::Drain(int grace_ms) { pump_->Drain(grace_ms); }

}  // namespace nacre::cli
