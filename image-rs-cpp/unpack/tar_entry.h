// One member of a tar archive, as the headers describe it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace nacre::image {

enum class TarType { kFile, kHardLink, kSymbolicLink, kCharacter, kBlock, kDirectory, kFifo };

struct TarEntry {
  TarType type = TarType::kFile;
  std::string path;         // as written: unchecked
  std::string link_target;  // of hard and symbolic links, as written: unchecked
  uint32_t mode = 0;        // permission, setuid, setgid and sticky bits only
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t size = 0;  // of the file, holes included; 0 unless a file
  int64_t mtime_seconds = 0;
  uint32_t mtime_nanoseconds = 0;
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;
};

// Takes a tar archive apart, in order: BeginEntry, EntryData and EntryHole any number of times,
// EndEntry. An error from any of them ends the reading and is returned as it is.
class TarSink {
 public:
  virtual ~TarSink() = default;
  // `entry` is valid until EndEntry has returned.
  virtual absl::Status BeginEntry(const TarEntry& entry) = 0;
  virtual absl::Status EntryData(ByteView data) = 0;
  // `size` zeros of a sparse file. As data, unless a sink knows better.
  virtual absl::Status EntryHole(uint64_t size);
  virtual absl::Status EndEntry() = 0;
};

}  // namespace nacre::image
