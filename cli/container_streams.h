// The streams of a container run in the foreground, and the signals meant for it. One thread copies
// bytes between this process and the container's fifos as they come and watches for signals; it
// never waits on one thing while another is ready.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/file.h"
#include "base/status.h"
#include "base/unique_fd.h"
#include "cli/containerd_client.h"

namespace nacre::cli {

// What the streams do to the container. Called on the streams' thread, one at a time.
struct StreamActions {
  std::function<void()> cancel_start;    // a signal came before Running()
  std::function<void(int signal)> kill;  // a signal for the running container
  std::function<void()> close_stdin;     // our standard input ended, after Running()
  std::function<void()> resize;          // our terminal has another size, after Running()
};

class ContainerStreams {
 public:
  // Keeps SIGINT, SIGTERM, SIGHUP and SIGWINCH for the container, and ignores SIGPIPE, from here to
  // the end of the process. Call before the first other thread starts.
  static void HoldSignals();

  // Makes the fifos in a folder of its own under $TMPDIR and starts to copy; for a terminal there
  // is no fifo for errors. The held signals go to the container. At the second one, or 10 s after
  // the first, SIGKILL follows; so does it when nobody reads our standard output any more.
  static absl::StatusOr<std::unique_ptr<ContainerStreams>> Start(bool terminal,
                                                                 StreamActions actions);
  // Stops copying and removes the fifos.
  ~ContainerStreams();
  ContainerStreams(const ContainerStreams&) = delete;
  ContainerStreams& operator=(const ContainerStreams&) = delete;

  // The paths for containerd. Standard input is "" when ours is /dev/null or closed.
  const TaskStreams& paths() const { return paths_; }

  // The container runs: standard input is copied, signals become kill. False when a signal came
  // first; then nothing has changed.
  bool Running();
  // The signal that came before Running(), or 0.
  int interrupted_by() const;

  // Waits until the container's side has closed both outputs, at most `grace_ms`, and all that came
  // is written.
  void Drain(int grace_ms);

 private:
  class Pump;
  ContainerStreams(TemporaryDirectory folder, TaskStreams paths, std::unique_ptr<Pump> pump);

  TemporaryDirectory folder_;
  TaskStreams paths_;
  std::unique_ptr<Pump> pump_;
  std::thread thread_;
};

}  // namespace nacre::cli
