// The node cache as a program serves it: connections of shims, each handed on to one guest.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "base/unique_fd.h"
#include "image-rs-cpp/registry/blob_source.h"
#include "runtime/node_cache/admission.h"
#include "runtime/node_cache/blob_store.h"
#include "runtime/node_cache/fetches.h"
#include "runtime/node_cache/unpacker.h"

namespace nacre::runtime {

// What guests are served from. All of it outlives them.
struct NodeCacheParts {
  BlobStore* store;
  Fetches* fetches = nullptr;    // null: only what is here
  Unpacker* unpacker = nullptr;  // null: no blob is kept unpacked
};

// What one guest may have: blobs of the image its host was told to run. Thread-safe.
class GuestSession {
 public:
  // kInvalidArgument when the admission's image is no image reference.
  static absl::StatusOr<std::unique_ptr<GuestSession>> Create(const Admission& admission,
                                                              const NodeCacheParts& parts);

  // nacre.nodecache.ReadRequest -> ReadResponse, serialized. kPermissionDenied: another repository
  // than the admission's; kInvalidArgument: a request out of bounds; else as Fetches::Read.
  absl::StatusOr<std::string> Read(std::string_view request);
  // The same -> ReadUnpackedResponse. What is not there is unpacked when the node has time for it.
  // kUnimplemented: never; else as BlobStore::ReadTar.
  absl::StatusOr<std::string> ReadUnpacked(std::string_view request);

 private:
  GuestSession(image::ImageReference image, const NodeCacheParts& parts)
      : image_(std::move(image)), parts_(parts) {}
  const image::ImageReference image_;
  const NodeCacheParts parts_;
};

class NodeCacheService {
 public:
  explicit NodeCacheService(const NodeCacheParts& parts);
  ~NodeCacheService();
  // Takes connections until Stop(), then ends them all. kResourceExhausted and the like only ever
  // end the one connection.
  absl::Status Serve(UniqueFd listener);
  // Any thread, also a signal's.
  void Stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nacre::runtime
