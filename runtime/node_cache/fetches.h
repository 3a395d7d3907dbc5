// Blobs on their way from a registry to this node: one fetch for all pods that want the same, and
// readers that follow it as it grows.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "base/status.h"
#include "image-rs-cpp/registry/blob_source.h"
#include "runtime/node_cache/blob_store.h"
#include "runtime/node_cache/unpacker.h"

namespace nacre::runtime {

class Fetches {
 public:
  // All must outlive this; `unpacker` is told of every fetch and may be null. At most
  // kMaxNodeCacheFetches run at once.
  Fetches(BlobStore* store, image::BlobSource* registry, Unpacker* unpacker = nullptr)
      : store_(store), registry_(registry), unpacker_(unpacker) {}
  // Ends what runs, at its next byte, and waits for it.
  ~Fetches();

  // Every reader is sent away, now and from now on. Any thread.
  void Stop();

  // Begins the fetch when none of this blob runs, and waits until the byte at `offset` is there.
  // The bytes have passed no check yet: their reader has to. kNotFound: the registry does not give
  // it to this node, or it is larger than the store; kUnavailable: it broke off, or nothing came
  // for kFetchProgressTimeoutMs, or too many run. A fetch that failed is not tried again for
  // kFetchRetryMs: its error stands. `headroom` as in IncomingBlob::Read.
  absl::StatusOr<std::string> Read(const image::ImageReference& reference, const BlobName& name,
                                   uint64_t offset, uint32_t length, size_t headroom = 0);

 private:
  struct Fetch {
    std::shared_ptr<IncomingBlob> blob;
    // Guarded by mutex_.
    bool ended = false;
    absl::Status status;
    std::chrono::steady_clock::time_point ended_at;
    std::jthread thread;
  };
  absl::StatusOr<std::shared_ptr<Fetch>> Join(const image::ImageReference& reference,
                                              const BlobName& name);
  void Run(Fetch* fetch, const image::ImageReference& reference, const std::stop_token& stop);
  void ForgetEnded();

  BlobStore* const store_;
  image::BlobSource* const registry_;
  Unpacker* const unpacker_;
  std::mutex mutex_;
  std::condition_variable progress_;
  std::map<BlobName, std::shared_ptr<Fetch>> running_;
  bool stopped_ = false;  // guarded by mutex_
};

}  // namespace nacre::runtime
