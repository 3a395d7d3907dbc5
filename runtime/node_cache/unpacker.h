// Makes the unpacked form of blobs that guests would rather have so, when nothing is being fetched.
// It is the blob's compressed stream undone and nothing more: which archive that is, and
// whether it is the layer somebody means, only guests know, who check it against the layer's
// diffID.
//
// Blobs are hostile: they come from registries, and a guest chooses which of them are unpacked. So
// it is one at a time, by the decompressors that guests use and with their bound on memory, up to
// kMaxNodeCacheUnpackRatio times the blob's size and never more than blobs leave free of the store.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "base/status.h"
#include "runtime/node_cache/blob_store.h"

namespace nacre::runtime {

// Thread-safe.
class Unpacker {
 public:
  // `store` must outlive this. Without a thread to be had, nothing is ever unpacked.
  explicit Unpacker(BlobStore* store);
  // Ends what runs at its next piece, and waits for it.
  ~Unpacker();

  // A guest would have it unpacked: now if the blob is here, else when it comes. Past
  // kMaxNodeCacheWishes those for what never came are forgotten; what could not be unpacked within
  // the last kUnpackRetryMs is not tried again.
  void Want(const BlobName& name);
  // A fetch begins, and ends; `kept`: its blob is in the store.
  void FetchBegins();
  void FetchEnds(const BlobName& name, bool kept);

  // Now, on the caller's thread. kInvalidArgument and kDataLoss: not a whole gzip or zstd stream;
  // kResourceExhausted: too large; kCancelled; else as BlobStore::BeginTar.
  absl::Status Unpack(const BlobName& name, const std::stop_token& stop);

 private:
  using Clock = std::chrono::steady_clock;
  void Run(const std::stop_token& stop);
  void AwaitQuiet(Clock::time_point latest, const std::stop_token& stop);

  BlobStore* const store_;
  std::atomic<int> fetching_ = 0;  // changed with mutex_ held
  std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_.
  std::map<BlobName, bool> wishes_;  // whether the blob is here
  std::map<BlobName, Clock::time_point> failed_;
  Clock::time_point quiet_from_;
  std::jthread thread_;  // last: ended before the rest
};

}  // namespace nacre::runtime
