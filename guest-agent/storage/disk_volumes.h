// Layers as volumes on the host's scratch disk ([storage] images = "erofs-verity"): EROFS images
// under dm-verity, enciphered as a whole.
//
// What lies on the disk, in whatever runs were free, is dm-crypt's ciphertext under a key that was
// made at this start. A volume is a dm-linear device of its runs, data first and then the hash
// tree, with dm-verity over it, whose root hash never leaves this process and the kernel. So the
// host reads nothing, and nothing that it changes, moves or brings back from earlier is ever seen:
// the kernel looks at no block, of content or of EROFS's own tables, before dm-verity has checked
// it, each time it is read. Who reads such a block gets EIO (SIGBUS from a mapping), the agent's
// log names the volume once, and the rest of the volume goes on being read.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "guest-agent/storage/storage_settings.h"
#include "image-rs-cpp/store/layer_volume.h"

namespace nacre::guest_agent {

class VolumeDisk;

// Thread-safe.
class DiskVolumes : public image::LayerVolumes {
 public:
  // Finds the disk and makes its key. Volumes are mounted at `folder`/<number>; it is made. Errors
  // are FindScratchDisk's. Once in a machine's life.
  static absl::StatusOr<std::unique_ptr<DiskVolumes>> Create(const StorageSettings& settings,
                                                             std::string folder);
  ~DiskVolumes() override;

  // A volume may outlive this. One that somebody still reads when it goes keeps its blocks until
  // they are done.
  absl::StatusOr<std::unique_ptr<image::LayerVolume>> New() override;
  uint64_t capacity() const override;

 private:
  explicit DiskVolumes(std::shared_ptr<VolumeDisk> disk);
  const std::shared_ptr<VolumeDisk> disk_;
};

}  // namespace nacre::guest_agent
