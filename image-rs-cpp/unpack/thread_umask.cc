#include "image-rs-cpp/unpack/thread_umask.h"

#include <sched.h>
#include <sys/stat.h>

namespace nacre::image {
namespace {

thread_local bool cleared = false;

}  // namespace

void ClearThreadUmask() {
  if (cleared || unshare(CLONE_FS) != 0) return;
  umask(0);
  cleared = true;
}

bool ThreadHasNoUmask() { return cleared; }

}  // namespace nacre::image
