// Blobs on this node's disk, as registries have them: mostly ciphertext, and never trusted by who
// reads them. A blob is given out only for a repository it was fetched from, so that knowing a
// digest does not open another tenant's private image.
//
// On disk: blobs/<algorithm>-<hex>/data and, beside it, one empty file from-<sha256 of
// "registry/repository"> per repository, and perhaps tar, what the blob unpacks to; staging/ holds
// what is not whole, and is emptied at start. A blob appears by one rename after its digest was
// checked and its bytes were synced, and so does its tar.
//
// A tar can be made again from its blob, a blob only with somebody else's help: so tars have the
// room that blobs leave, and go first.
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
  // `length` bytes at `offset`, or fewer at the end of what is written; not checked yet. Before
  // them `headroom` bytes that are the caller's to fill.
  absl::StatusOr<std::string> Read(uint64_t offset, uint32_t length, size_t headroom = 0) const;
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

// What a blob unpacks to, on its way to a place beside it. One thread's; what is not committed is
// removed with it.
class IncomingTar {
 public:
  ~IncomingTar();
  // The blob's file.
  int blob() const { return blob_.get(); }
  // kResourceExhausted: more than blobs leave room for, or a full disk.
  absl::Status Write(ByteView bytes);
  // kNotFound: the blob has gone meanwhile.
  absl::Status Commit();

 private:
  friend class BlobStore;
  IncomingTar(BlobStore* store, std::string key, std::string folder, UniqueFd file, UniqueFd blob);
  BlobStore* const store_;
  const std::string key_;
  const std::string folder_;
  const UniqueFd file_;
  const UniqueFd blob_;
  uint64_t written_ = 0;  // and reserved
};

struct TarPiece {
  std::string data;   // after the headroom asked for
  uint64_t size = 0;  // of the whole tar
};

// Thread-safe.
class BlobStore {
 public:
  // Makes `folder` when it is missing and empties its staging. Blobs of an earlier run stay, and
  // their tars if `keep_tars`.
  static absl::StatusOr<std::unique_ptr<BlobStore>> Open(const std::string& folder,
                                                         uint64_t max_bytes, bool keep_tars = true);

  // kNotFound: not here, not of this size, or never fetched from this repository. `headroom` as in
  // IncomingBlob::Read.
  absl::StatusOr<std::string> Read(const BlobName& name, uint64_t offset, uint32_t length,
                                   size_t headroom = 0);
  // A piece of what the blob unpacks to. kNotFound as Read, or there is no such form of it;
  // kInvalidArgument: `offset` is at its end or past it.
  absl::StatusOr<TarPiece> ReadTar(const BlobName& name, uint64_t offset, uint32_t length,
                                   size_t headroom = 0);
  // OK: the blob is here without its tar. kNotFound as Read; kAlreadyExists: with it.
  absl::Status LacksTar(const BlobName& name);
  // Errors as LacksTar.
  absl::StatusOr<std::unique_ptr<IncomingTar>> BeginTar(const BlobName& name);
  // kResourceExhausted: larger than the whole store may be.
  absl::StatusOr<std::shared_ptr<IncomingBlob>> Begin(const BlobName& name);

  // Blobs and tars.
  uint64_t total_bytes() const { return total_; }

 private:
  friend class IncomingBlob;
  friend class IncomingTar;
  struct Entry {
    uint64_t size = 0;
    uint64_t tar_size = 0;  // 0: there is none
    uint64_t last_use = 0;  // ticks of use_
  };
  using Entries = std::map<std::string, Entry>;  // by "<algorithm>-<hex>"
  BlobStore(std::string folder, uint64_t max_bytes);
  absl::Status Scan(bool keep_tars);
  absl::StatusOr<Entries::iterator> Find(const std::string& key, const BlobName& name);
  absl::Status Publish(const BlobName& name, const std::string& staged);
  absl::Status PublishTar(const std::string& key, const std::string& staged, uint64_t size);
  absl::Status Reserve(uint64_t bytes);
  void Release(uint64_t bytes) { total_ -= bytes; }
  void MakeRoom(const std::string& keep);
  bool DropOldest(const std::string& keep, bool tar_only);
  std::string BlobFolder(const std::string& key) const;
  std::string NewStaging();

  const std::string folder_;
  const uint64_t max_bytes_;
  // Of blobs, of tars, and of tars on their way. Whoever unpacks adds to it without the mutex: that
  // thread may have to wait long for a processor, and others then for the mutex.
  std::atomic<uint64_t> total_ = 0;
  std::atomic<uint64_t> staged_ = 0;  // names of staging folders
  std::mutex mutex_;                  // guards what follows
  Entries entries_;
  uint64_t blob_bytes_ = 0;
  uint64_t use_ = 0;
};

}  // namespace nacre::runtime
