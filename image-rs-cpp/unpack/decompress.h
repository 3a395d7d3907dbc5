// Gzip (RFC 1952) and zstd (RFC 8878) streams that arrive in pieces. Several gzip members or zstd
// frames in a row are one stream, as parallel compressors write them. Uses one output buffer of
// 128 KiB, whatever the stream claims.
#pragma once

#include <memory>

#include "absl/functional/function_ref.h"
#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/registry/manifest.h"

namespace nacre::image {

// Takes the next plain bytes; an error ends the stream and is returned as it is.
using BytesSink = absl::FunctionRef<absl::Status(ByteView)>;

class Decompressor {
 public:
  static absl::StatusOr<std::unique_ptr<Decompressor>> Create(Compression kind,
                                                              const Limits& limits);
  virtual ~Decompressor() = default;

  // kInvalidArgument for bytes that are not such a stream (a wrong checksum included).
  virtual absl::Status Write(ByteView data, BytesSink sink) = 0;
  // kDataLoss when the stream has not come to its end.
  virtual absl::Status Finish() = 0;
};

}  // namespace nacre::image
