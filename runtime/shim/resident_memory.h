// Keeps an idle shim small. Starting a pod runs much code once: large libraries,
// descriptors of protocols, the configuration's parser. Its pages stay mapped for as long as the
// process lives, and a node has hundreds of shims.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace nacre::runtime {

// Unmaps the pages of this program's and its libraries' files that were only ever read; the next
// use maps them again from the page cache. Pages that hold anything of this process (relocated
// data, however protected now) are left alone. Returns how many bytes were given back.
absl::StatusOr<size_t> DropCleanFilePages();

// One mapping of /proc/PID/smaps.
struct Mapping {
  uintptr_t begin = 0, end = 0;
  bool writable = false;
  bool file = false;     // backed by a file of a path
  size_t resident = 0;   // bytes
  size_t anonymous = 0;  // bytes that are this process's own
  bool clean_file() const { return file && !writable && anonymous == 0 && resident > 0; }
};

// kInvalidArgument for a line that is none of smaps's.
absl::StatusOr<std::vector<Mapping>> ParseSmaps(std::string_view text);

}  // namespace nacre::runtime
