// Verified layers at rest, one folder or volume each, shared by all containers of a pod: a layer
// with the same diffID is unpacked once, also when two pulls want it at the same time. A layer is
// in use as long as somebody holds it; one that is not stays for the next pull, and goes, longest
// unused first, when the store is over its size.
//
//   <work_dir>/layers/<n>   verified and complete: they got here by rename(2)
//   <work_dir>/index/<id>   what else there is to know of a layer; those without are no layers;
//                           its time says when the layer was last given out
//   <work_dir>/staging/<n>  being unpacked
//
// A layer in a volume is none before its checks have passed and the volume is mounted.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/status.h"
#include "image-rs-cpp/registry/digest.h"
#include "image-rs-cpp/store/layer_place.h"
#include "image-rs-cpp/store/layer_volume.h"
#include "image-rs-cpp/store/volume_room.h"
#include "image-rs-cpp/unpack/layer_applier.h"

namespace nacre::image {

struct StoredLayer {
  std::string diff_id;
  std::string path;
  LayerFacts facts;
  uint64_t size = 0;                    // of the store's room
  std::shared_ptr<LayerVolume> volume;  // that is mounted at `path`; null for a folder
};

struct LayerStoreOptions {
  // Whether layers outlive the process. Everything that counts is then on the disk before it is
  // named (syncfs, rename, fsync), so that the store is whole after a kill or a power cut at any
  // moment. Only for disks that the host can neither read nor change: layers are not verified
  // again. Otherwise the store starts empty, and nothing waits for a disk.
  bool keep = false;
  // Of all layers together, in bytes of content and a guess for each file's inode; 0 is no limit.
  // Of volumes the bytes written to them, and no limit is their capacity.
  uint64_t max_size = 0;
  // Layers go here instead of into folders. They outlive the store and whoever holds a layer of it.
  // Not with `keep`: what makes a volume readable is gone with the process.
  LayerVolumes* volumes = nullptr;
};

// A folder that is removed with its last user.
class ScratchFolder {
 public:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }  // does not exist until somebody makes it

 private:
  const std::string path_;
};

// Thread-safe.
class LayerStore : private VolumeRoom {
 public:
  // Fills a place with one layer and returns only after every check of it has passed.
  using Unpack = std::function<absl::StatusOr<LayerFacts>(LayerPlace& place)>;

  // Makes `work_dir`'s folders and removes what an earlier process left half done (or all of it,
  // see LayerStoreOptions::keep). One store per work_dir at a time.
  static absl::StatusOr<std::unique_ptr<LayerStore>> Create(const std::string& work_dir,
                                                            const LayerStoreOptions& options = {});

  // The layer, from the store or from `unpack`. While another thread unpacks the same layer this
  // waits for it, and tries itself only if that one failed. kResourceExhausted when the layers in
  // use and this one are over max_size.
  absl::StatusOr<std::shared_ptr<const StoredLayer>> GetOrUnpack(const BlobDigest& diff_id,
                                                                 const Unpack& unpack);

  // Removes layers that nobody uses until the store has at most `size` bytes.
  absl::Status Collect(uint64_t size);
  uint64_t size();
  // What layers may still take when all that nobody uses have gone. Of volumes this is not known in
  // advance (kUnlimited): they take their room as they are written.
  uint64_t Room();

  // A path below the work folder that nothing else will use.
  std::string UniquePath(const std::string& kind);
  std::shared_ptr<ScratchFolder> MakeScratch();

 private:
  struct Slot {
    std::shared_ptr<const StoredLayer> layer;  // null while a thread unpacks it
    uint64_t used = 0;                         // when it was last given out
  };

  LayerStore(std::string work_dir, const LayerStoreOptions& options);
  absl::Status Take(uint64_t bytes) override;
  void Give(uint64_t bytes) override;
  bool RemoveOne() override;
  absl::Status Load();
  absl::StatusOr<std::vector<StoredLayer>> ReadIndex();
  void NoteUse(const std::string& diff_id);
  absl::StatusOr<std::shared_ptr<const StoredLayer>> UnpackNew(const BlobDigest& diff_id,
                                                               const Unpack& unpack);
  absl::StatusOr<std::shared_ptr<const StoredLayer>> UnpackFolder(const BlobDigest& diff_id,
                                                                  const Unpack& unpack);
  absl::StatusOr<LayerFacts> UnpackInto(const std::string& staging, const Unpack& unpack);
  absl::Status MakeRoom(uint64_t wanted);
  absl::Status CollectLocked(uint64_t size);
  absl::StatusOr<bool> RemoveOldest();
  absl::Status Discard(const StoredLayer& layer);
  std::string IndexPath(const std::string& diff_id) const;

  const std::string work_dir_;
  const LayerStoreOptions options_;
  const uint64_t max_size_;  // 0 is no limit
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t next_number_ = 0;
  uint64_t uses_ = 0;
  uint64_t size_ = 0;  // of what is in slots_ and of what MakeRoom has promised
  std::map<std::string, Slot> slots_;
};

}  // namespace nacre::image
