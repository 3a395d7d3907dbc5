// Waking a thread costs as much as hashing ten kilobytes. So whoever finds the ring full or empty
// sleeps until it is half one and half the other, and then has more than one buffer's worth to do.
#include "image-rs-cpp/unpack/byte_pipe.h"

#include <algorithm>
#include <cstring>

namespace nacre::image {

BytePipe::BytePipe(size_t buffers, size_t buffer_size)
    : buffer_size_(buffer_size), ring_(buffers) {}

std::span<uint8_t> BytePipe::Room() {
  if (fill_ == 0) {
    std::unique_lock lock(mutex_);
    if (full_ == ring_.size()) {
      changed_.wait(lock, [this] { return abandoned_ || full_ <= ring_.size() / 2; });
    }
  }
  // One place after the full ones; the reader moves both numbers, but never their sum.
  size_t place;
  {
    const std::lock_guard lock(mutex_);
    if (abandoned_) return {};
    place = (first_ + full_) % ring_.size();
  }
  Buffer& buffer = ring_[place];
  if (buffer.bytes == nullptr) {
    buffer.bytes = std::make_unique_for_overwrite<uint8_t[]>(buffer_size_);
  }
  return std::span(buffer.bytes.get(), buffer_size_).subspan(fill_);
}

void BytePipe::Commit(size_t count) {
  fill_ += count;
  if (fill_ < buffer_size_) return;
  const std::lock_guard lock(mutex_);
  ring_[(first_ + full_) % ring_.size()].size = fill_;
  ++full_;
  fill_ = 0;
  if (full_ >= (ring_.size() + 1) / 2) changed_.notify_all();
}

void BytePipe::Close() {
  const std::lock_guard lock(mutex_);
  if (fill_ != 0) {
    ring_[(first_ + full_) % ring_.size()].size = fill_;
    ++full_;
    fill_ = 0;
  }
  closed_ = true;
  changed_.notify_all();
}

void BytePipe::Fail() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  abandoned_ = true;
  changed_.notify_all();
}

bool BytePipe::Write(ByteView data) {
  while (!data.empty()) {
    const std::span<uint8_t> room = Room();
    if (room.empty()) return false;
    const size_t count = std::min(room.size(), data.size());
    std::memcpy(room.data(), data.data(), count);
    Commit(count);
    data = data.subspan(count);
  }
  return true;
}

ByteView BytePipe::Next() {
  std::unique_lock lock(mutex_);
  if (lent_) {
    first_ = (first_ + 1) % ring_.size();
    --full_;
    lent_ = false;
    if (full_ <= ring_.size() / 2) changed_.notify_all();
  }
  if (full_ == 0) {
    changed_.wait(lock,
                  [this] { return abandoned_ || closed_ || full_ >= (ring_.size() + 1) / 2; });
  }
  if (abandoned_ || full_ == 0) return {};
  lent_ = true;
  return {ring_[first_].bytes.get(), ring_[first_].size};
}

void BytePipe::Abandon() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  changed_.notify_all();
}

}  // namespace nacre::image
