// Whole frames over one descriptor: one reader, many writers, and a way to wake them all.
//
// Works on stream sockets and on virtio-serial ports. The descriptor is made non-blocking and
// belongs to the channel. A frame is written whole or the channel breaks: half a frame cannot be
// taken back.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "base/unique_fd.h"
#include "net/ttrpc/frame.h"

namespace nacre::ttrpc {

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

class Channel {
 public:
  static absl::StatusOr<std::unique_ptr<Channel>> Create(UniqueFd fd);

  // The next frame; from one thread at a time. kUnavailable: the peer closed between two frames;
  // kDataLoss: it closed inside one; kCancelled: StopReading() was called; else what Break() or a
  // failed write said. After an error every later call fails too.
  // `max_payload` is asked when a header comes; a longer payload is dropped.
  absl::StatusOr<Frame> Read(const std::function<size_t()>& max_payload);

  // The right to write, held by one thread at a time.
  class Turn {
   public:
    Turn(Turn&& other) noexcept : channel_(std::exchange(other.channel_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn();
    // Writes one frame, whose payload is `head` and then `payload`, together at most kMaxPayload.
    // kDeadlineExceeded with nothing written leaves the channel whole; any other error breaks it.
    absl::Status Write(uint32_t stream_id, FrameType type, std::string_view payload,
                       Deadline deadline = {}, std::string_view head = {});

   private:
    friend class Channel;
    explicit Turn(Channel* channel) : channel_(channel) {}
    Channel* channel_;
  };
  // Waits for the turn; kDeadlineExceeded, or the reason why the channel broke.
  absl::StatusOr<Turn> BeginWrite(Deadline deadline = {});

  // Read() ends; writes may go on, but all of them end within kFarewellMs. Any thread.
  void StopReading();
  // Everything ends, with this error (the first one counts). Any thread.
  void Break(const absl::Status& why);

 private:
  explicit Channel(UniqueFd fd, UniqueFd wake, bool is_socket)
      : fd_(std::move(fd)), wake_(std::move(wake)), is_socket_(is_socket) {}
  absl::Status FillParser(const std::function<size_t()>& max_payload);
  absl::StatusOr<size_t> WriteSome(std::string_view header, std::string_view payload);
  absl::Status AwaitWritable(Deadline deadline);
  void Wake();
  absl::Status Why();

  const UniqueFd fd_;
  const UniqueFd wake_;  // eventfd: readable once stopping or broken
  const bool is_socket_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::chrono::steady_clock::time_point> farewell_;  // set before stopping_
  std::atomic<bool> broken_ = false;
  FrameParser parser_;  // of the reading thread

  std::mutex mutex_;
  std::condition_variable turn_free_;
  bool writing_ = false;  // guarded by mutex_
  absl::Status why_;      // guarded by mutex_: why it broke
};

}  // namespace nacre::ttrpc
