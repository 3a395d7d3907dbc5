// Reads a tar archive that arrives in pieces of any size and tells a TarSink what is in it.
// Holds one header block, or one bounded extended header, at a time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/unpack/sparse.h"
#include "image-rs-cpp/unpack/tar_entry.h"
#include "image-rs-cpp/unpack/tar_header.h"

namespace nacre::image {

class TarReader {
 public:
  // Both must outlive the reader.
  TarReader(TarSink* sink, const Limits& limits) : sink_(sink), limits_(limits) {}

  // kInvalidArgument where the archive is malformed, kUnimplemented for members we do not unpack
  // (multi-volume parts), kResourceExhausted past a limit; the sink's own errors as
  // they are. After an error the reader takes nothing more.
  absl::Status Write(ByteView data);

  // kDataLoss when the archive stops inside a member. A missing end mark (two zero blocks) at a
  // block boundary is accepted, as other readers do.
  absl::Status Finish();

 private:
  enum class State { kHeader, kExtended, kSparseBlock, kSparseMap, kData, kPadding, kEnd };

  absl::Status TakeHeader();
  absl::Status StartMember(const TarHeader& header);
  absl::Status StartExtended(const TarHeader& header);
  absl::Status EndExtended();
  absl::Status StartSparse(const TarHeader& header, const PaxRecords& pax);
  absl::Status TakeSparseBlock();
  absl::Status TakeSparseMap();
  absl::Status StartData();
  absl::Status PassData(ByteView data);
  absl::Status PassHole(uint64_t up_to);
  absl::Status EndData();
  bool Collecting() const;
  absl::Status TakeCollected();
  void CollectBlock(ByteView* data);

  TarSink* sink_;
  const Limits& limits_;
  State state_ = State::kHeader;
  bool failed_ = false;
  bool zero_block_seen_ = false;
  Bytes buffer_;            // a block, or the extended header, as far as it came
  uint64_t remaining_ = 0;  // bytes of the member (or of its padding) still to come
  uint32_t padding_ = 0;    // that follows the member
  char extended_type_ = 0;

  TarEntry entry_;  // the member that is being read
  // Of a sparse one.
  struct Sparse {
    explicit Sparse(const Limits& limits) : map(limits) {}
    SparseMapReader map;
    std::vector<SparsePart> parts;
    uint64_t stored = 0;  // bytes of the member still to come
    size_t next = 0;      // part
    uint64_t at = 0;      // in the file
  };
  std::optional<Sparse> sparse_;

  // What came before the member it describes.
  std::optional<PaxRecords> pax_;
  std::optional<std::string> long_path_;
  std::optional<std::string> long_link_;
};

}  // namespace nacre::image
