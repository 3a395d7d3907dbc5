// For tests that nothing stays open.
#pragma once

#include <cstddef>

namespace nacre::image::testing {

// Descriptors open in this process, the one that counts them included.
size_t OpenDescriptors();

}  // namespace nacre::image::testing
