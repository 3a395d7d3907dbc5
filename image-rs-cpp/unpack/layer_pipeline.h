// One layer's way from the network to a folder:
//
//   bytes as fetched -> size and digest -> HMAC -> AES-CTR -> inflate -> diffID -> tar -> folder
//
// All on the caller's thread, piece by piece, in bounded memory. Plain bytes do reach the folder
// before the last check can be made; so the folder is a private staging one, and nothing in it may
// be used until Finish() has said OK.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "image-rs-cpp/decrypt/layer_cipher.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/registry/manifest.h"
#include "image-rs-cpp/unpack/budget.h"
#include "image-rs-cpp/unpack/decompress.h"
#include "image-rs-cpp/unpack/layer_applier.h"
#include "image-rs-cpp/unpack/tar_reader.h"

namespace nacre::image {

class LayerPipeline {
 public:
  // `key` is given exactly when the layer's media type is an encrypted one (kInvalidArgument
  // otherwise). `folder` exists and is empty; `budget` and `limits` outlive the pipeline.
  static absl::StatusOr<std::unique_ptr<LayerPipeline>> Create(
      const Descriptor& layer, const BlobDigest& diff_id, const LayerKey* key,
      const std::string& folder, const Limits& limits, UnpackBudget* budget);
  // Returns to the budget what it drew, unless Finish() succeeded.
  ~LayerPipeline();
  LayerPipeline(const LayerPipeline&) = delete;
  LayerPipeline& operator=(const LayerPipeline&) = delete;

  // The next bytes of the blob. kDataLoss when there are more than the manifest says,
  // kResourceExhausted past a limit. Other errors of unpacking wait for Finish(), where digest and
  // HMAC come first.
  absl::Status Write(ByteView data);

  // After the last byte. Checks size, digest, HMAC, the compressed stream, the archive and the
  // diffID, in this order: kDataLoss for what was cut or changed on the way,
  // kUnauthenticated for an HMAC that is not the key owner's.
  absl::StatusOr<LayerFacts> Finish();

 private:
  LayerPipeline(const Descriptor& layer, const BlobDigest& diff_id, LayerApplier applier,
                const Limits& limits, UnpackBudget* budget);
  absl::Status Unpack(ByteView plain);
  absl::Status TakePlain(ByteView tar);

  const std::string name_;  // "layer sha256:..." in errors
  const uint64_t size_;
  uint64_t received_ = 0;
  uint64_t unpacked_ = 0;
  bool done_ = false;
  absl::Status unpacking_;
  DigestChecker blob_digest_;
  DigestChecker diff_id_;
  std::optional<LayerDecryptor> decryptor_;
  std::unique_ptr<Decompressor> decompressor_;
  UnpackBudget* budget_;
  LayerApplier applier_;
  TarReader tar_;
};

}  // namespace nacre::image
