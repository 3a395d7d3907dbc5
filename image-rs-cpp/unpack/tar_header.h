// The 512-byte tar header block and the pax extended header, as values. POSIX.1-2017 pax
// interchange format, GNU tar's base-256 numbers and long names; pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/unpack/sparse.h"
#include "image-rs-cpp/unpack/tar_entry.h"

namespace nacre::image {

inline constexpr size_t kTarBlock = 512;

struct TarHeader {
  char type = '0';
  std::string path;  // prefix and name joined
  std::string link_target;
  uint64_t size = 0;  // as written, for every type
  uint32_t mode = 0;
  uint64_t uid = 0;
  uint64_t gid = 0;
  int64_t mtime = 0;
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
};

bool IsZeroBlock(ByteView block);

// A field of octal digits or in base 256, not negative; kInvalidArgument names `what`.
absl::StatusOr<uint64_t> ParseTarNumber(ByteView field, std::string_view what);

// kInvalidArgument for a wrong checksum or a number that does not parse or fit.
absl::StatusOr<TarHeader> ParseTarHeader(ByteView block);

// What a pax extended header says about the entry after it. Keys we have no use for are skipped,
// as the standard asks.
struct PaxRecords {
  std::optional<std::string> path;
  std::optional<std::string> link_target;
  std::optional<uint64_t> size;
  std::optional<uint64_t> uid;
  std::optional<uint64_t> gid;
  std::optional<int64_t> mtime_seconds;
  uint32_t mtime_nanoseconds = 0;
  std::map<std::string, std::string> xattrs;  // from SCHILY.xattr.<name> and SCHILY.acl.<kind>
  std::optional<SparseRecords> sparse;

  bool empty() const;
};
absl::StatusOr<PaxRecords> ParsePaxRecords(ByteView body, const Limits& limits);

// The entry a header and what came before it describe. `long_path` and `long_link` are GNU's 'L'
// and 'K' members. kUnimplemented for member types we do not unpack.
absl::StatusOr<TarEntry> MakeTarEntry(const TarHeader& header, const PaxRecords& pax,
                                      const std::optional<std::string>& long_path,
                                      const std::optional<std::string>& long_link);

}  // namespace nacre::image
