// One layer's way from the network to a folder or a volume:
//
//   the caller's thread     bytes as fetched -> size and digest -> HMAC -> AES-CTR
//   a thread of its own     -> inflate
//   another one             -> diffID -> tar -> tree
//
// A layer that comes unpacked already (a node's cache may keep it so) has the last step alone, on
// the caller's thread: its tar is checked against the diffID, and nothing is ever inflated.
//
// Between them are rings of a few buffers, so memory stays the same however large the layer is, and
// a slow disk slows the network down. Plain bytes do reach the tree before the last check can be
// made; so it is a private one (a staging folder, a volume that is not mounted), and nothing in it
// may be used until Finish() has said OK.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "image-rs-cpp/decrypt/layer_cipher.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/registry/manifest.h"
#include "image-rs-cpp/unpack/budget.h"
#include "image-rs-cpp/unpack/byte_pipe.h"
#include "image-rs-cpp/unpack/decompress.h"
#include "image-rs-cpp/unpack/layer_applier.h"
#include "image-rs-cpp/unpack/tar_reader.h"

namespace nacre::image {

struct PipelineRequest {
  const Descriptor* layer;
  const BlobDigest* diff_id;
  const LayerKey* key = nullptr;  // exactly when the layer's media type is an encrypted one
  LayerTree* tree;                // empty
  const Limits* limits;
  UnpackBudget* budget;
  WindowMemory* windows = nullptr;  // see Decompressor
  // What comes is not the blob but its tar: of a plain layer only.
  bool unpacked = false;
};

class LayerPipeline {
 public:
  // Limits, budget, tree and windows outlive the pipeline.
  // kInvalidArgument for a key too many or missing, kResourceExhausted when there is no thread.
  static absl::StatusOr<std::unique_ptr<LayerPipeline>> Create(const PipelineRequest& request);
  // Returns to the budget what it drew, unless Finish() succeeded.
  ~LayerPipeline();
  LayerPipeline(const LayerPipeline&) = delete;
  LayerPipeline& operator=(const LayerPipeline&) = delete;

  // The next bytes of the blob, or of the tar. kDataLoss when there are more than the manifest
  // says, kResourceExhausted past a limit or on a full disk. Other errors of unpacking wait for
  // Finish(), where digest and HMAC come first; those of a tar that comes as such do not.
  absl::Status Write(ByteView data);
  // How many bytes have come so far: where to go on after a cut.
  uint64_t received() const { return received_; }

  // After the last byte. Checks size, digest, HMAC, the compressed stream, the diffID and the
  // archive, in this order (of a tar that comes as such the last two): kDataLoss for what was cut
  // or changed on the way, kUnauthenticated for an HMAC that is not the key owner's.
  absl::StatusOr<LayerFacts> Finish();

 private:
  explicit LayerPipeline(const PipelineRequest& request);
  absl::Status StartThreads();
  void InflateStage();
  void ApplyStage();
  absl::Status Inflate();
  absl::Status Apply();
  absl::Status Pass(ByteView data);
  absl::Status Unpack(ByteView data);
  absl::Status Unpacked();
  absl::Status FinishBlob();
  void Stop();
  void Join();

  const std::string name_;  // "layer sha256:..." in errors
  const uint64_t size_;
  const bool comes_unpacked_;
  uint64_t received_ = 0;
  bool done_ = false;
  DigestChecker blob_digest_;
  std::optional<LayerDecryptor> decryptor_;
  BytePipe compressed_;

  // The inflating thread's until it has ended.
  std::unique_ptr<Decompressor> decompressor_;
  absl::Status inflated_;
  BytePipe tar_bytes_;

  // The applying thread's until it has ended.
  UnpackBudget* budget_;
  const uint64_t most_unpacked_;
  uint64_t unpacked_ = 0;
  DigestChecker diff_id_;
  LayerApplier applier_;
  TarReader tar_;
  absl::Status applied_;

  std::atomic<bool> past_limit_ = false;  // nothing more is to be fetched
  std::thread inflating_;
  std::thread applying_;
};

}  // namespace nacre::image
