// Whole files and folders. Every descriptor is close-on-exec from birth; errors name the path.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "base/unique_fd.h"

namespace nacre {

// open(2) with O_CLOEXEC added.
absl::StatusOr<UniqueFd> OpenFile(const std::string& path, int flags, mode_t mode = 0);

// The whole file; kResourceExhausted when it is larger than `max_size`. Works for /proc and /sys
// files, whose size is 0.
absl::StatusOr<Bytes> ReadFile(const std::string& path, size_t max_size);
absl::StatusOr<std::string> ReadTextFile(const std::string& path, size_t max_size);

// Plain write into an existing or new file (for /proc, /sys and the like: one write(2)).
absl::Status WriteFile(const std::string& path, ByteView data, mode_t mode = 0644);
// Temporary file beside it, fsync, rename, fsync of the folder: readers see the old or the new
// contents, never a part.
absl::Status WriteFileAtomic(const std::string& path, ByteView data, mode_t mode = 0644);

// All of `data` / exactly until `out` is full (kOutOfRange at an early end), restarting on EINTR.
absl::Status WriteAll(int fd, ByteView data);
absl::Status ReadExact(int fd, std::span<uint8_t> out);

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};
absl::StatusOr<Pipe> MakePipe();

// mkdir -p with this mode for the folders it makes.
absl::Status MakeDirectories(const std::string& path, mode_t mode = 0755);
// rm -rf that never follows a symbolic link and stays on one file system. A missing path is OK.
absl::Status RemoveTree(const std::string& path);
bool PathExists(const std::string& path);

// A new folder, mode 0700, under $TMPDIR (or the system's default), removed with all it holds by
// the destructor.
class TemporaryDirectory {
 public:
  static absl::StatusOr<TemporaryDirectory> Create(std::string_view prefix);
  TemporaryDirectory(TemporaryDirectory&& other) noexcept;
  TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace nacre
