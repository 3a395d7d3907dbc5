// Gzip (RFC 1952) and zstd (RFC 8878) streams that arrive in pieces. Several gzip members or zstd
// frames in a row are one stream, as parallel compressors write them. Memory does not grow with the
// stream: 85 KiB for gzip, the frame's window for zstd.
#pragma once

#include <memory>

#include "absl/functional/function_ref.h"
#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/registry/manifest.h"
#include "image-rs-cpp/unpack/byte_pipe.h"
#include "image-rs-cpp/unpack/window_memory.h"

namespace nacre::image {

// Takes the next plain bytes; an error ends the stream and is returned as it is.
using BytesSink = absl::FunctionRef<absl::Status(ByteView)>;

class Decompressor {
 public:
  // `windows`, when given, outlives the decompressor and holds at least 2^zstd_window_log bytes;
  // WriteTo() may then wait for other decompressors.
  static absl::StatusOr<std::unique_ptr<Decompressor>> Create(Compression kind,
                                                              const Limits& limits,
                                                              WindowMemory* windows = nullptr);
  virtual ~Decompressor() = default;

  // Puts the plain form of `data` where `out` has room for it. kInvalidArgument for bytes that are
  // not such a stream (a wrong checksum included), kCancelled when `out` wants no more.
  virtual absl::Status WriteTo(ByteView data, ByteOutput* out) = 0;
  // kDataLoss when the stream has not come to its end.
  virtual absl::Status Finish() = 0;

  // The same as WriteTo, into a buffer of its own.
  absl::Status Write(ByteView data, BytesSink sink);

 private:
  Bytes buffer_;
};

}  // namespace nacre::image
