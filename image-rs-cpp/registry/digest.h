// Content digests as the OCI image spec writes them: "sha256:<64 hex>" or "sha512:<128 hex>".
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "crypto/digest.h"

namespace nacre::image {

class BlobDigest {
 public:
  // kInvalidArgument unless the text is one of the two forms, lower case.
  static absl::StatusOr<BlobDigest> Parse(std::string_view text);
  static BlobDigest OfSha256(ByteView content);

  const std::string& text() const { return text_; }
  crypto::HashAlgorithm algorithm() const { return algorithm_; }
  bool operator==(const BlobDigest& other) const { return text_ == other.text_; }

  // OK when `content` has this digest, else kDataLoss "<what>: digest is ..., expected ...".
  absl::Status Check(ByteView content, std::string_view what) const;

 private:
  BlobDigest(std::string text, crypto::HashAlgorithm algorithm)
      : text_(std::move(text)), algorithm_(algorithm) {}
  std::string text_;
  crypto::HashAlgorithm algorithm_;
};

// The same check over content that arrives in pieces.
class DigestChecker {
 public:
  explicit DigestChecker(BlobDigest expected)
      : expected_(std::move(expected)), hasher_(expected_.algorithm()) {}
  void Update(ByteView piece) { hasher_.Update(piece); }
  absl::Status Finish(std::string_view what);

 private:
  BlobDigest expected_;
  crypto::Hasher hasher_;
};

}  // namespace nacre::image
