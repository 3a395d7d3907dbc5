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

namespace nacre::runtime {

// What one guest may have: blobs of the image its host was told to run. Thread-safe.
class GuestSession {
 public:
  // kInvalidArgument when the admission's image is no image reference.
  static absl::StatusOr<std::unique_ptr<GuestSession>> Create(const Admission& admission,
                                                              BlobStore* store, Fetches* fetches);

  // nacre.nodecache.ReadRequest -> ReadResponse, serialized. `fetches` null: only what is here.
  // kPermissionDenied: another repository than the admission's; kInvalidArgument: a request out of
  // bounds; else as Fetches::Read.
  absl::StatusOr<std::string> Read(std::string_view request);

 private:
  GuestSession(image::ImageReference image, BlobStore* store, Fetches* fetches)
      : image_(std::move(image)), store_(store), fetches_(fetches) {}
  const image::ImageReference image_;
  BlobStore* const store_;
  Fetches* const fetches_;
};

class NodeCacheService {
 public:
  // Both must outlive this; `fetches` may be null.
  NodeCacheService(BlobStore* store, Fetches* fetches);
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
