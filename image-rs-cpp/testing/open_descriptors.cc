#include "image-rs-cpp/testing/open_descriptors.h"

#include <dirent.h>

namespace nacre::image::testing {

size_t OpenDescriptors() {
  size_t count = 0;
  DIR* folder = opendir("/proc/self/fd");
  while (folder != nullptr && readdir(folder) != nullptr) ++count;
  if (folder != nullptr) closedir(folder);
  return count;
}

}  // namespace nacre::image::testing
