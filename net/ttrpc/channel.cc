// Writers take turns under a flag with a condition variable rather than under a mutex, so that
// waiting for the turn can end at a deadline. A turn ends when its frame is out. Between partial
// writes the writer polls the descriptor together with an eventfd, which becomes readable, and
// stays so, when somebody stops or breaks the channel; a writer that sees a stop gives its peer a
// last short time, so that answers made before the stop still reach a peer that reads.
//
// A virtio-serial port whose host side is closed polls as POLLHUP and never as POLLOUT, and reads
// as end of file; both are taken as "the peer closed".
#include "net/ttrpc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>

#include "base/strings.h"

namespace nacre::ttrpc {
namespace {

using std::chrono::steady_clock;

// For poll(2): -1 = forever, rounded up so that an elapsed deadline is not polled for in a loop.
int PollTimeout(Deadline deadline) {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1 << 30));
}

bool Again(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

absl::Status Closed() { return absl::UnavailableError("the peer closed the connection"); }

}  // namespace

absl::StatusOr<std::unique_ptr<Channel>> Channel::Create(UniqueFd fd) {
  const int flags = fcntl(fd.get(), F_GETFL);
  if (flags < 0 || fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) < 0) {
    return ErrnoStatus(errno, "preparing a connection for ttrpc");
  }
  int type = 0;
  socklen_t size = sizeof type;
  const bool is_socket = getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &type, &size) == 0;
  if (is_socket && type != SOCK_STREAM) {
    return absl::InvalidArgumentError("ttrpc needs a stream socket");
  }
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return ErrnoStatus(errno, "eventfd");
  return std::unique_ptr<Channel>(new Channel(std::move(fd), std::move(wake), is_socket));
}

absl::StatusOr<Frame> Channel::Read(const std::function<size_t()>& max_payload) {
  while (!parser_.ready()) {
    absl::Status status = FillParser(max_payload);
    if (!status.ok()) {
      if (!stopping_) Break(status);
      return status;
    }
  }
  return parser_.Take();
}

absl::Status Channel::FillParser(const std::function<size_t()>& max_payload) {
  if (broken_) return Why();
  if (stopping_) return absl::CancelledError("reading was stopped");
  const std::span<uint8_t> space = parser_.Space();
  const ssize_t got = ::read(fd_.get(), space.data(), space.size());
  if (got > 0) {
    // For the header that may end here, and asked only now: what this peer sent after an answer is
    // not measured by what was running before it.
    parser_.set_max_payload(max_payload());
    parser_.Filled(static_cast<size_t>(got));
    return absl::OkStatus();
  }
  const bool ended = got == 0 || errno == ECONNRESET;
  if (ended && parser_.between_frames()) return Closed();
  if (ended) return absl::DataLossError("the peer closed the connection inside a frame");
  if (!Again(errno)) return ErrnoStatus(errno, "reading a ttrpc frame");

  pollfd polled[] = {{fd_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  if (poll(polled, 2, -1) < 0 && errno != EINTR) return ErrnoStatus(errno, "poll");
  return absl::OkStatus();
}

absl::StatusOr<Channel::Turn> Channel::BeginWrite(Deadline deadline) {
  std::unique_lock lock(mutex_);
  auto free = [this] { return !writing_ || broken_; };
  if (!deadline) {
    turn_free_.wait(lock, free);
  } else if (!turn_free_.wait_until(lock, *deadline, free)) {
    return absl::DeadlineExceededError("the deadline passed before the request could be sent");
  }
  if (broken_) return why_;
  writing_ = true;
  return Turn(this);
}

Channel::Turn::~Turn() {
  if (channel_ == nullptr) return;
  std::lock_guard lock(channel_->mutex_);
  channel_->writing_ = false;
  channel_->turn_free_.notify_one();
}

absl::Status Channel::Turn::Write(uint32_t stream_id, FrameType type, std::string_view payload,
                                  Deadline deadline, std::string_view head) {
  const HeaderBytes header_bytes =
      EncodeHeader({.length = static_cast<uint32_t>(head.size() + payload.size()),
                    .stream_id = stream_id,
                    .type = type});
  const std::string before = StrCat(AsText(header_bytes), head);
  std::string_view header = before;
  bool begun = false;
  while (!header.empty() || !payload.empty()) {
    absl::StatusOr<size_t> wrote = channel_->WriteSome(header, payload);
    if (wrote.ok() && *wrote == 0) {
      absl::Status status = channel_->AwaitWritable(deadline);
      if (absl::IsDeadlineExceeded(status) && !begun) return status;
      if (!status.ok()) wrote = status;
    }
    if (!wrote.ok()) {
      channel_->Break(wrote.status());
      return wrote.status();
    }
    begun = begun || *wrote > 0;
    const size_t of_header = std::min(*wrote, header.size());
    header.remove_prefix(of_header);
    payload.remove_prefix(*wrote - of_header);
  }
  return absl::OkStatus();
}

// Bytes taken by the kernel, 0 when it would block.
absl::StatusOr<size_t> Channel::WriteSome(std::string_view header, std::string_view payload) {
  if (broken_) return Why();
  iovec parts[] = {{const_cast<char*>(header.data()), header.size()},
                   {const_cast<char*>(payload.data()), payload.size()}};
  const bool with_header = !header.empty();
  msghdr message{};
  message.msg_iov = with_header ? parts : parts + 1;
  message.msg_iovlen = with_header ? 2 : 1;
  const ssize_t wrote =
      is_socket_ ? sendmsg(fd_.get(), &message, MSG_NOSIGNAL)
                 : writev(fd_.get(), message.msg_iov, static_cast<int>(message.msg_iovlen));
  if (wrote >= 0) return static_cast<size_t>(wrote);
  if (Again(errno)) return 0;
  if (errno == EPIPE || errno == ECONNRESET) return Closed();
  return ErrnoStatus(errno, "writing a ttrpc frame");
}

absl::Status Channel::AwaitWritable(Deadline deadline) {
  const bool farewell = stopping_;
  if (farewell) {
    const steady_clock::time_point last = farewell_;
    deadline = deadline ? std::min(*deadline, last) : last;
  }
  pollfd polled[] = {{fd_.get(), POLLOUT, 0}, {wake_.get(), POLLIN, 0}};
  const int count = poll(polled, farewell ? 1 : 2, PollTimeout(deadline));
  if (count < 0 && errno != EINTR) return ErrnoStatus(errno, "poll");
  if (count == 0) return absl::DeadlineExceededError("the peer did not take the frame in time");
  const short events = polled[0].revents;
  if ((events & (POLLHUP | POLLERR | POLLNVAL)) != 0 && (events & POLLOUT) == 0) return Closed();
  return absl::OkStatus();
}

void Channel::StopReading() {
  farewell_ = steady_clock::now() + std::chrono::milliseconds(kFarewellMs);
  stopping_ = true;
  Wake();
}

void Channel::Break(const absl::Status& why) {
  {
    std::lock_guard lock(mutex_);
    if (why_.ok()) why_ = why;
    broken_ = true;
    turn_free_.notify_all();
  }
  Wake();
  if (is_socket_) shutdown(fd_.get(), SHUT_RDWR);
}

absl::Status Channel::Why() {
  std::lock_guard lock(mutex_);
  return why_;
}

void Channel::Wake() {
  const uint64_t one = 1;
  // Can only fail when the counter is full, and then it is readable already.
  [[maybe_unused]] const ssize_t wrote = ::write(wake_.get(), &one, sizeof one);
}

}  // namespace nacre::ttrpc
