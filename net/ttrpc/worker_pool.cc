#include "net/ttrpc/worker_pool.h"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace nacre::ttrpc {

struct WorkerPool::State {
  State(size_t max_threads_arg, size_t max_idle_arg, size_t stack_size_arg)
      : max_threads(max_threads_arg), max_idle(max_idle_arg), stack_size(stack_size_arg) {}
  const size_t max_threads;
  const size_t max_idle;
  const size_t stack_size;

  std::mutex mutex;
  std::condition_variable changed;
  // Below: guarded by mutex. Never more work than idle threads: each piece has its thread.
  std::deque<std::function<void()>> work;
  size_t threads = 0;
  size_t idle = 0;
  bool closing = false;
};

WorkerPool::WorkerPool(size_t max_threads, size_t max_idle, size_t stack_size)
    : state_(std::make_shared<State>(max_threads, max_idle, stack_size)) {}

WorkerPool::~WorkerPool() {
  std::unique_lock lock(state_->mutex);
  state_->closing = true;
  state_->changed.notify_all();
  state_->changed.wait(lock, [this] { return state_->threads == 0; });
}

bool WorkerPool::TryRun(std::function<void()> work, int wait_ms) {
  std::unique_lock lock(state_->mutex);
  auto idle_thread = [this] { return state_->work.size() < state_->idle; };
  auto room = [&] { return idle_thread() || state_->threads < state_->max_threads; };
  if (!state_->changed.wait_for(lock, std::chrono::milliseconds(wait_ms), room)) return false;
  if (idle_thread()) {
    state_->work.push_back(std::move(work));
    state_->changed.notify_all();
    return true;
  }

  using Start = std::pair<std::shared_ptr<State>, std::function<void()>>;
  auto start = std::make_unique<Start>(state_, std::move(work));
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, state_->stack_size);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  const bool started = pthread_create(&thread, &attributes, ThreadMain, start.get()) == 0;
  pthread_attr_destroy(&attributes);
  if (!started) return false;
  start.release();  // the thread's now
  ++state_->threads;
  return true;
}

void* WorkerPool::ThreadMain(void* argument) {
  using Start = std::pair<std::shared_ptr<State>, std::function<void()>>;
  std::unique_ptr<Start> start(static_cast<Start*>(argument));
  const std::shared_ptr<State> state = std::move(start->first);
  std::function<void()> work = std::move(start->second);
  start.reset();

  std::unique_lock lock(state->mutex, std::defer_lock);
  for (;;) {
    work();
    work = nullptr;  // what it holds goes before anyone hears that it is done
    lock.lock();
    if (state->idle >= state->max_idle || state->closing) break;
    ++state->idle;
    state->changed.notify_all();
    state->changed.wait(lock, [&] { return !state->work.empty() || state->closing; });
    --state->idle;
    if (state->work.empty()) break;
    work = std::move(state->work.front());
    state->work.pop_front();
    lock.unlock();
  }
  --state->threads;
  state->changed.notify_all();
  return nullptr;
}

}  // namespace nacre::ttrpc
