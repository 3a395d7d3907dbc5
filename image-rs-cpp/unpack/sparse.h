// Sparse files in tar: only the parts that hold data are stored, and a map says where they go. GNU
// tar has written that map in four ways (GNU tar manual, "Storing Sparse Files"): in the header and
// blocks after it (type 'S', "old GNU"), in pax records (0.0 and 0.1), and in front of the data
// (1.0). All four are read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/limits.h"

namespace nacre::image {

struct SparsePart {
  uint64_t offset = 0;
  uint64_t size = 0;
};

// What pax records say of a sparse file.
struct SparseRecords {
  std::optional<std::string> name;      // the file's, where "path" holds a stand-in
  std::optional<uint64_t> real_size;    // with the holes
  std::vector<SparsePart> parts;        // of 0.0 and 0.1
  std::optional<uint64_t> open_offset;  // an "offset" whose "numbytes" is still to come (0.0)
  bool map_in_data = false;             // 1.0

  // One record, `key` without "GNU.sparse.". kInvalidArgument where it is malformed.
  absl::Status Apply(std::string_view key, std::string_view value, const Limits& limits);
};

// Parts in order, not overlapping, inside `real_size`, and together `stored` bytes:
// kInvalidArgument otherwise, kResourceExhausted for a file larger than everything may be.
absl::Status CheckSparseParts(const std::vector<SparsePart>& parts, uint64_t real_size,
                              uint64_t stored, const Limits& limits);

// Old GNU: four parts in the header block, 21 in each block after it. Appends them, and says
// whether another block follows.
absl::StatusOr<bool> ReadOldSparseParts(ByteView block, bool header, const Limits& limits,
                                        std::vector<SparsePart>* parts);
absl::StatusOr<uint64_t> OldSparseRealSize(ByteView header_block);

// The map of 1.0 as its bytes come: decimal numbers, a line each: how many parts, then offset and
// size of each; zeros up to the end of the block.
class SparseMapReader {
 public:
  explicit SparseMapReader(const Limits& limits) : limits_(limits) {}
  // Takes one block of 512 bytes; true when the map ends in it.
  absl::StatusOr<bool> TakeBlock(ByteView block);
  std::vector<SparsePart> Release() { return std::move(parts_); }

 private:
  absl::Status TakeNumber(uint64_t number);

  const Limits& limits_;
  std::vector<SparsePart> parts_;
  std::optional<uint64_t> count_;
  bool half_ = false;  // an offset has come, its size has not
  uint64_t number_ = 0;
  int digits_ = 0;
};

}  // namespace nacre::image
