// One blob on its way into a registry, in pieces (OCI distribution spec 1.1, "Pushing a blob in
// chunks"): nothing of it needs to be known before its end, and of a blob of any size one piece is
// in memory. A small one goes in a single request. When the network fails, the registry is asked
// how far it came and gets the rest of the piece.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "crypto/digest.h"
#include "image-rs-cpp/registry/manifest.h"
#include "image-rs-cpp/registry/registry_session.h"

namespace nacre::image {

class BlobUpload {
 public:
  static constexpr size_t kPiece = 4 << 20;
  static constexpr size_t kLongestPiece = 64 << 20;  // a registry may ask for longer ones

  // `session` and `endpoint` outlive it. `attempts`: how often a piece is sent without progress.
  BlobUpload(RegistrySession* session, const Endpoint* endpoint, uint32_t attempts)
      : session_(session), endpoint_(endpoint), attempts_(attempts) {}
  BlobUpload(const BlobUpload&) = delete;
  BlobUpload& operator=(const BlobUpload&) = delete;

  // Errors: RegistryRefusal's, the session's; kDataLoss when the registry has lost what it had.
  absl::Status Start();
  absl::Status Write(ByteView data);
  // The blob by its sha256, without media type and annotations.
  absl::StatusOr<Descriptor> Finish();
  // Tells the registry to forget what it has; nobody is told whether it does.
  void Cancel();

 private:
  RegistrySession::Request To(std::string_view method) const;
  absl::Status Follow(const net::HttpResponse& answer);
  absl::Status SendPiece();
  absl::Status SendOnce();
  absl::Status TakeReached(const net::HttpResponse& answer);
  absl::Status AskHowFar();
  bool IsThere(const BlobDigest& digest);

  RegistrySession* const session_;
  const Endpoint* const endpoint_;
  const uint32_t attempts_;
  std::string url_;  // where the next request goes, as the registry said last
  size_t piece_ = kPiece;
  std::string waiting_;   // not yet with the registry
  uint64_t arrived_ = 0;  // bytes the registry has
  crypto::Hasher hasher_{crypto::HashAlgorithm::kSha256};
};

}  // namespace nacre::image
