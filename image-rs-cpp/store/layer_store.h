// Verified layers at rest, one folder each, shared by all containers of a pod: a layer with the
// same diffID is unpacked once, also when two pulls want it at the same time.
//
//   <work_dir>/layers/<n>   verified and complete: they got here by rename(2)
//   <work_dir>/staging/<n>  being unpacked; removed when anything fails
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/status.h"
#include "image-rs-cpp/registry/digest.h"
#include "image-rs-cpp/unpack/layer_applier.h"

namespace nacre::image {

struct StoredLayer {
  std::string diff_id;
  std::string path;
  LayerFacts facts;
};

// Thread-safe.
class LayerStore {
 public:
  // Fills an empty folder with one layer and returns only after every check of it has passed.
  using Unpack = std::function<absl::StatusOr<LayerFacts>(const std::string& staging_dir)>;

  // Makes `work_dir`'s folders and empties them of what an earlier process left. One store per
  // work_dir at a time.
  static absl::StatusOr<std::unique_ptr<LayerStore>> Create(const std::string& work_dir);

  // The layer, from the store or from `unpack`. While another thread unpacks the same layer this
  // waits for it, and tries itself only if that one failed.
  absl::StatusOr<std::shared_ptr<const StoredLayer>> GetOrUnpack(const BlobDigest& diff_id,
                                                                 const Unpack& unpack);

  // A path below the work folder that nothing else will use.
  std::string UniquePath(const std::string& kind);

 private:
  explicit LayerStore(std::string work_dir) : work_dir_(std::move(work_dir)) {}
  absl::StatusOr<std::shared_ptr<const StoredLayer>> UnpackNew(const BlobDigest& diff_id,
                                                               const Unpack& unpack);

  const std::string work_dir_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t next_number_ = 0;
  // Present with nullptr while a thread unpacks it.
  std::map<std::string, std::shared_ptr<const StoredLayer>> layers_;
};

}  // namespace nacre::image
