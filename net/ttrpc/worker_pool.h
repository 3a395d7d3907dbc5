// Threads that come when there is work and go when there is none, up to a limit. Work is never
// queued behind other work: calls may block for as long as a container runs, so a queue could hold
// the very call that would end them.
#pragma once

#include <functional>
#include <memory>

#include "net/ttrpc/limits.h"

namespace nacre::ttrpc {

class WorkerPool {
 public:
  // `max_idle` threads stay after their work, for the next.
  explicit WorkerPool(size_t max_threads, size_t max_idle = 2, size_t stack_size = kThreadStack);
  // Waits until all work is done and every thread is gone.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Starts `work` on a thread of its own. When `max_threads` are busy, waits `wait_ms` for one that
  // is just finishing; false, and nothing started, when none did or the system gives no more.
  bool TryRun(std::function<void()> work, int wait_ms = 0);

 private:
  struct State;  // shared with the threads, which outlive the last touch of it by a moment
  static void* ThreadMain(void* argument);
  std::shared_ptr<State> state_;
};

}  // namespace nacre::ttrpc
