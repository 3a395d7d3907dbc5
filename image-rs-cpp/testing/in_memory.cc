// Linked into test programs that unpack many files: their folders are in memory, where neither the
// machine's disk nor what others write to it decides how long a test takes.
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace nacre::image {
namespace {

constexpr uint64_t kEnough = 1 << 30;

bool UseMemory() {
  constexpr const char* kFolder = "/dev/shm";
  struct statvfs info;
  if (access(kFolder, W_OK) != 0 || statvfs(kFolder, &info) != 0) return false;
  if (info.f_bavail * info.f_frsize < kEnough) return false;
  return setenv("TMPDIR", kFolder, /*overwrite=*/0) == 0;
}

[[maybe_unused]] const bool kInMemory = UseMemory();

}  // namespace
}  // namespace nacre::image
