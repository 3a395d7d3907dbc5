// Where the bytes of a blob come from: the registry, or a cache on this machine that nobody trusts.
// Every source is hostile alike; what comes is checked against the descriptor by who asked.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/registry/manifest.h"
#include "image-rs-cpp/registry/reference.h"

namespace nacre::image {

class BlobSource {
 public:
  // Takes the next bytes; an error ends the reading and is returned as it is.
  using OnBytes = std::function<absl::Status(ByteView)>;

  virtual ~BlobSource() = default;

  // For the log and for errors: "registry registry.example:5000", "node cache".
  virtual std::string_view name() const = 0;

  // Streams the blob from byte `offset` (0..size) to its end, in order. Thread-safe. kNotFound:
  // this source does not have it; kUnavailable, kDataLoss, kDeadlineExceeded: it broke off, and
  // whoever asked may go on from the next byte, here or elsewhere.
  virtual absl::Status Read(const ImageReference& image, const Descriptor& blob, uint64_t offset,
                            const OnBytes& on_bytes) = 0;

  // Streams what the blob of a plain layer unpacks to, from its first byte to its last. Only what
  // comes is named by another digest then, the layer's diffID; whoever asks needs not inflate it,
  // and tells nothing but the blob's name. Any error: it is to be had as a blob alone, and what
  // came is of no use. kNotFound also when the source thinks that the blob is had sooner.
  virtual absl::Status ReadUnpacked(const ImageReference& /*image*/, const Descriptor& /*blob*/,
                                    const OnBytes& /*on_bytes*/) {
    return absl::NotFoundError("this source keeps no layers unpacked");
  }
};

}  // namespace nacre::image
