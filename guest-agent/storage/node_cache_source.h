// Blobs from the node's cache, over the virtio-serial port the shim has connected to it. Nothing it
// gives is trusted: the pipeline checks its bytes as it checks a registry's, and a cache that does
// not answer is a cache that is not there.
//
// What the host learns by it: which blobs of an image this guest reads, and when. It knows the
// image's name anyway, since it gave it. It never learns whether a check passed, nor any plaintext.
// An owner who minds turns it off: [node_cache] enabled = false in initdata.
#pragma once

#include <atomic>
#include <memory>
#include <stop_token>
#include <string_view>

#include "base/status.h"
#include "base/unique_fd.h"
#include "image-rs-cpp/registry/blob_source.h"
#include "net/ttrpc/client.h"

namespace nacre::guest_agent {

inline constexpr std::string_view kNodeCachePort = "org.nacre.blobs.0";

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

 private:
  explicit NodeCacheSource(std::unique_ptr<ttrpc::Client> client) : client_(std::move(client)) {}
  absl::StatusOr<std::string> Piece(const image::ImageReference& image,
                                    const image::Descriptor& blob, uint64_t offset, uint32_t length,
                                    const std::stop_token& stop);

  const std::unique_ptr<ttrpc::Client> client_;
  std::atomic<bool> given_up_ = false;
};

}  // namespace nacre::guest_agent
