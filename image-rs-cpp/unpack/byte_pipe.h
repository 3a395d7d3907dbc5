// A bounded stream of bytes from one thread to another: a ring of a few buffers, filled in place by
// the writer and read in place by the reader, so that nothing is copied on the way and memory stays
// the same however long the stream is. The writer waits while all buffers are full, the reader
// while none is.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace nacre::image {

// Somewhere to put bytes that are being made, in place.
class ByteOutput {
 public:
  virtual ~ByteOutput() = default;
  // Free bytes to write to, at least one; waits for them. Empty when nobody wants more.
  virtual std::span<uint8_t> Room() = 0;
  // The first `count` bytes of the last Room() have been written.
  virtual void Commit(size_t count) = 0;
};

// One writer thread, one reader thread.
class BytePipe : public ByteOutput {
 public:
  // Memory is taken as buffers are first used.
  BytePipe(size_t buffers, size_t buffer_size);

  // The writer's side. Close() says that no more comes; Fail() that what came must not be used: the
  // reader then sees its end at once.
  std::span<uint8_t> Room() override;
  void Commit(size_t count) override;
  void Close();
  void Fail();
  // Copies, waiting as often as needed; false when nobody reads any more.
  bool Write(ByteView data);

  // The reader's side. Next() gives the next bytes, and takes back the ones before; empty at the
  // end. Abandon() says that nothing more is wanted.
  ByteView Next();
  void Abandon();

 private:
  struct Buffer {
    std::unique_ptr<uint8_t[]> bytes;
    size_t size = 0;
  };

  const size_t buffer_size_;
  std::vector<Buffer> ring_;
  size_t fill_ = 0;    // the writer's: bytes in its buffer so far
  bool lent_ = false;  // the reader's: it holds the oldest buffer
  std::mutex mutex_;   // guards what follows
  std::condition_variable changed_;
  size_t first_ = 0;  // of the full buffers
  size_t full_ = 0;   // how many there are
  bool closed_ = false;
  bool abandoned_ = false;
};

}  // namespace nacre::image
