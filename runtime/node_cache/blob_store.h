// Blobs on this node's disk, as registries have them: mostly ciphertext, and never trusted by who
// reads them. A blob is given out only for a repository it was fetched from, so that knowing a
// digest does not open another tenant's private image.
//
// On disk: blobs/<algorithm>-<hex>/data and, beside it, one empty file from-<sha256 of
// "registry/repository"> per repository; staging/ holds what is not whole, and is emptied at start.
// A blob appears by one rename after its digest was checked and its bytes were synced.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "base/unique_fd.h"
#include "image-rs-cpp/registry/digest.h"

namespace nacre::runtime {

struct BlobName {
  std::string repository;  // "docker.io/library/busybox"
  image::BlobDigest digest;
  uint64_t size = 0;
  bool operator<(const BlobName& other) const;
};

class BlobStore;

// A blob on its way into the store. One thread writes, any number read what is there already; what
// is not committed is removed with the last holder.
class IncomingBlob {
 public:
  ~IncomingBlob();
  const BlobName& name() const { return name_; }
  // Bytes written so far.
  uint64_t written() const { return written_.load(std::memory_order_acquire); }

  // kDataLoss past the blob's size, kResourceExhausted on a full disk.
  absl::Status Write(ByteView bytes);
  // `length` bytes at `offset`, or fewer at the end of what is written; not checked yet.
  absl::StatusOr<std::string> Read(uint64_t offset, uint32_t length) const;
  // Checks size and digest (kDataLoss) and puts the blob into the store.
  absl::Status Commit();

 private:
  friend class BlobStore;
  IncomingBlob(BlobStore* store, BlobName name, std::string folder, UniqueFd file);
  BlobStore* const store_;
  const BlobName name_;
  const std::string folder_;
  const UniqueFd file_;
  image::DigestChecker digest_;
  std::atomic<uint64_t> written_ = 0;
};

// Thread-safe.
class BlobStore {
 public:
  // Makes `folder` when it is missing and empties its staging. Blobs of an earlier run stay.
  static absl::StatusOr<std::unique_ptr<BlobStore>> Open(const std::string& folder,
                                                         uint64_t max_bytes);

  // kNotFound: not here, not of this size, or never fetched from this repository.
  absl::StatusOr<std::string> Read(const BlobName& name, uint64_t offset, uint32_t length);
  // kResourceExhausted: larger than the whole store may be.
  absl::StatusOr<std::shared_ptr<IncomingBlob>> Begin(const BlobName& name);

  uint64_t total_bytes() const;

 private:
  friend class IncomingBlob;
  struct Entry {
    uint64_t size = 0;
    uint64_t last_use = 0;  // ticks of use_
  };
  BlobStore(std::string folder, uint64_t max_bytes);
  absl::Status Scan();
  absl::Status Publish(const BlobName& name, const std::string& staged);
  void MakeRoom(const std::string& keep);
  std::string BlobFolder(const std::string& key) const;

  const std::string folder_;
  const uint64_t max_bytes_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // by "<algorithm>-<hex>"
  uint64_t total_ = 0;
  uint64_t use_ = 0;
  uint64_t staged_ = 0;  // names of staging folders
};

}  // namespace nacre::runtime
