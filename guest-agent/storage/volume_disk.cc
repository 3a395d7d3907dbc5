#include "guest-agent/storage/volume_disk.h"

#include <utility>

namespace nacre::guest_agent {

uint64_t VolumeDisk::NextNumber() {
  const std::lock_guard lock(mutex_);
  return next_++;
}

bool VolumeDisk::TryRelease(VolumeDevices* devices) {
  if (devices->checked) {
    watch_.Remove(devices->checked->path());  // before another device has this number
    if (!devices->checked->Remove().ok()) return false;
    devices->checked.reset();
  }
  if (devices->runs) {
    if (!devices->runs->Remove().ok()) return false;
    devices->runs.reset();
  }
  for (const Extent& extent : std::exchange(devices->extents, {})) allocator_.Give(extent);
  return true;
}

void VolumeDisk::Release(VolumeDevices devices) {
  const std::lock_guard lock(mutex_);
  if (!TryRelease(&devices)) left_.push_back(std::move(devices));
}

void VolumeDisk::ReleaseLeft() {
  const std::lock_guard lock(mutex_);
  left_.remove_if([&](VolumeDevices& devices) { return TryRelease(&devices); });
}

}  // namespace nacre::guest_agent
