#include "guest-agent/storage/disk_volumes.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/strings.h"
#include "guest-agent/storage/encrypted_disk.h"
#include "guest-agent/storage/part_writer.h"
#include "guest-agent/storage/volume_disk.h"
#include "guest-agent/storage/volume_tables.h"

namespace nacre::guest_agent {
namespace {

using image::VerityRoot;
using image::VolumePart;

class Volume : public image::LayerVolume {
 public:
  explicit Volume(std::shared_ptr<VolumeDisk> disk)
      : disk_(std::move(disk)),
        name_(StrCat(disk_->NextNumber())),
        data_(disk_->allocator(), disk_->fd(), {.buffer_blocks = 128, .first_comes_last = true}),
        leaves_(disk_->allocator(), disk_->fd(), {.buffer_blocks = 16, .first_comes_last = true}),
        inner_(disk_->allocator(), disk_->fd(), {.buffer_blocks = 4}) {}

  ~Volume() override {
    if (!mounted_.empty()) {
      if (umount2(mounted_.c_str(), UMOUNT_NOFOLLOW) != 0)
        (void)umount2(mounted_.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH);
      (void)rmdir(mounted_.c_str());
    }
    disk_->Release(std::move(devices_));
  }

  absl::Status Write(VolumePart part, uint64_t block, ByteView blocks) override {
    switch (part) {
      case VolumePart::kData:
        return data_.Write(block, blocks);
      case VolumePart::kLeafHashes:
        return leaves_.Write(block, blocks);
      case VolumePart::kInnerHashes:
        return inner_.Write(block, blocks);
    }
    return absl::InvalidArgumentError("volume: no such part");
  }

  absl::StatusOr<std::string> Mount(const VerityRoot& root) override {
    RETURN_IF_ERROR(Collect(&data_, root.data_blocks));
    RETURN_IF_ERROR(Collect(&inner_, root.inner_blocks));
    RETURN_IF_ERROR(Collect(&leaves_, root.leaf_blocks));
    RETURN_IF_ERROR(MakeDevices(root), StrCat("volume ", name_));
    std::string place = StrCat(disk_->folder(), "/", name_);
    RETURN_IF_ERROR(MakeDirectories(place, 0700));
    // `nodev` and `nosuid` are for who finds this folder; a container sees the layer through its
    // overlay, whose own options count.
    if (mount(devices_.checked->path().c_str(), place.c_str(), "erofs",
              MS_RDONLY | MS_NODEV | MS_NOSUID | MS_NOATIME, nullptr) != 0)
      return ErrnoStatus(errno, StrCat("volume ", name_, ": mounting"));
    return mounted_ = std::move(place);
  }

 private:
  absl::Status Collect(PartWriter* part, uint64_t blocks) {
    ASSIGN_OR_RETURN(const std::vector<Extent> extents, part->Finish(blocks));
    for (const Extent& extent : extents) Append(extent, &devices_.extents);
    return absl::OkStatus();
  }

  absl::Status MakeDevices(const VerityRoot& root) {
    ASSIGN_OR_RETURN(MappedDevice runs,
                     MappedDevice::Create(StrCat("nacre-layer-", name_, "-runs"),
                                          LinearTable(devices_.extents, disk_->crypt_path()),
                                          DeviceAccess::kReadOnly));
    devices_.runs.emplace(std::move(runs));
    ASSIGN_OR_RETURN(
        MappedDevice checked,
        MappedDevice::Create(StrCat("nacre-layer-", name_),
                             VerityTable(root, devices_.runs->path()), DeviceAccess::kReadOnly));
    disk_->Watch(checked.path(), name_);
    devices_.checked.emplace(std::move(checked));
    return absl::OkStatus();
  }

  const std::shared_ptr<VolumeDisk> disk_;
  const std::string name_;
  PartWriter data_;
  PartWriter leaves_;
  PartWriter inner_;
  VolumeDevices devices_;
  std::string mounted_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<DiskVolumes>> DiskVolumes::Create(const StorageSettings& settings,
                                                                 std::string folder) {
  ASSIGN_OR_RETURN(const ScratchDisk disk, FindScratchDisk(settings));
  ASSIGN_OR_RETURN(MappedDevice crypt, EncryptDevice(disk.plan, disk.device.path));
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(crypt.path(), O_WRONLY | O_DIRECT), "scratch disk");
  RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  return std::unique_ptr<DiskVolumes>(new DiskVolumes(std::make_shared<VolumeDisk>(
      std::move(crypt), std::move(fd), disk.plan.sectors / kBlockSectors, std::move(folder))));
}

DiskVolumes::DiskVolumes(std::shared_ptr<VolumeDisk> disk) : disk_(std::move(disk)) {}
DiskVolumes::~DiskVolumes() = default;

absl::StatusOr<std::unique_ptr<image::LayerVolume>> DiskVolumes::New() {
  disk_->ReleaseLeft();
  return std::make_unique<Volume>(disk_);
}

uint64_t DiskVolumes::capacity() const { return disk_->blocks() * image::kVolumeBlock; }

}  // namespace nacre::guest_agent
