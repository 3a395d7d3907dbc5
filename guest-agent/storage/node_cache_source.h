// Blobs from the node's cache, over the virtio-serial port the shim has connected to it. Nothing it
// gives is trusted: the pipeline checks its bytes as it checks a registry's, and a cache that does
// not answer is a cache that is not there.
//
// What the host learns by it: which blobs of an image this guest reads, when, and which of them are
// not encrypted. It knows the image's name anyway, since it gave it. It never learns whether a
// check passed, nor any plaintext; what it unpacks itself, it unpacks from what it has. An owner
// who minds turns it off: [node_cache] enabled = false in initdata.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "base/unique_fd.h"
#include "image-rs-cpp/registry/blob_source.h"
#include "net/ttrpc/client.h"

namespace nacre::guest_agent {

// An answer, and where in it the bytes are: they are not copied out of it.
struct NodeCachePiece {
  Bytes answer;
  size_t begin = 0;
  size_t size = 0;
  uint64_t whole = 0;  // bytes that there are in all, as the answer has it; 0 when it does not say

  ByteView bytes() const { return ByteView(answer).subspan(begin, size); }
};

// Unpacked, a layer has three times the bytes to carry here and needs no inflating, which takes
// half again as long as what is left to do with them, hashing and writing. How fast bytes come
// through a hypervisor differs by two orders of magnitude; so the first ones tell. Thread-safe.
class Pace {
 public:
  using Duration = std::chrono::steady_clock::duration;
  static constexpr uint64_t kJudged = 64 << 20;  // bytes that come before there is a judgement
  static constexpr int kPatience = 4;

  // A reader waited for so many bytes, and then worked on them.
  void Add(uint64_t bytes, Duration waited, Duration worked);
  // Readers have waited for bytes kPatience times as long as they worked on them.
  bool TooSlow() const;

 private:
  mutable std::mutex mutex_;
  uint64_t bytes_ = 0;
  Duration waited_{}, worked_{};
};

// Thread-safe.
class NodeCacheSource : public image::BlobSource {
 public:
  // kNotFound: this machine has no such port.
  static absl::StatusOr<std::unique_ptr<NodeCacheSource>> Open();
  // `connection` leads to the cache.
  static absl::StatusOr<std::unique_ptr<NodeCacheSource>> Create(UniqueFd connection);

  std::string_view name() const override { return "node cache"; }
  // After the first answer that is late, or is none, the cache is not asked again: kNotFound.
  absl::Status Read(const image::ImageReference& image, const image::Descriptor& blob,
                    uint64_t offset, const OnBytes& on_bytes) override;
  // kNotFound from then on, too, once reading so has proved slower than inflating would be.
  absl::Status ReadUnpacked(const image::ImageReference& image, const image::Descriptor& blob,
                            const OnBytes& on_bytes) override;

 private:
  explicit NodeCacheSource(std::unique_ptr<ttrpc::Client> client) : client_(std::move(client)) {}
  struct Question {
    const image::ImageReference& image;
    const image::Descriptor& blob;
    bool unpacked;
  };
  absl::StatusOr<NodeCachePiece> Ask(const Question& question, uint64_t offset, uint32_t length,
                                     const std::stop_token& stop);
  absl::Status Failed(const absl::Status& status);

  const std::unique_ptr<ttrpc::Client> client_;
  std::atomic<bool> given_up_ = false;
  std::atomic<bool> asks_unpacked_ = true;
  Pace pace_;  // of what comes unpacked
};

}  // namespace nacre::guest_agent
