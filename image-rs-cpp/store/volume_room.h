// What a store gives its volumes of its room, as they grow.
#pragma once

#include <cstdint>

#include "base/status.h"

namespace nacre::image {

// Thread-safe.
class VolumeRoom {
 public:
  virtual ~VolumeRoom() = default;
  // Removes layers that nobody uses for it; kResourceExhausted when that is not enough.
  virtual absl::Status Take(uint64_t bytes) = 0;
  virtual void Give(uint64_t bytes) = 0;
  // Removes one layer that nobody uses, where there is one.
  virtual bool RemoveOne() = 0;
};

}  // namespace nacre::image
