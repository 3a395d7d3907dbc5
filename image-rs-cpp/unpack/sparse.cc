#include "image-rs-cpp/unpack/sparse.h"

#include "base/strings.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/unpack/tar_header.h"

namespace nacre::image {
namespace {

constexpr size_t kHeaderParts = 386, kHeaderMore = 482, kRealSize = 483;
constexpr size_t kBlockParts = 0, kBlockMore = 504;
constexpr size_t kNumber = 12;

absl::Status Bad(std::string_view why) {
  return absl::InvalidArgumentError(StrCat("tar: sparse file: ", why));
}

absl::Status AddPart(SparsePart part, const Limits& limits, std::vector<SparsePart>* parts) {
  if (parts->size() >= limits.max_sparse_parts) {
    return absl::ResourceExhaustedError(
        StrCat("tar: a sparse file of more than ", limits.max_sparse_parts, " parts"));
  }
  parts->push_back(part);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Number(std::string_view value) {
  uint64_t number = 0;
  if (!ParseNumber(value, &number)) return Bad("a number does not parse");
  return number;
}

// 0.1: "offset,size,offset,size".
absl::Status ReadMap(std::string_view value, const Limits& limits, std::vector<SparsePart>* parts) {
  std::optional<uint64_t> offset;
  for (std::string_view part : StrSplit(value, ',')) {
    ASSIGN_OR_RETURN(uint64_t number, Number(part));
    if (!offset) {
      offset = number;
      continue;
    }
    RETURN_IF_ERROR(AddPart({*offset, number}, limits, parts));
    offset.reset();
  }
  return offset ? Bad("the map has an offset without a size") : absl::OkStatus();
}

}  // namespace

absl::Status SparseRecords::Apply(std::string_view key, std::string_view value,
                                  const Limits& limits) {
  if (key == "name") {
    if (value.empty() || value.find('\0') != std::string_view::npos) return Bad("a bad name");
    name = std::string(value);
    return absl::OkStatus();
  }
  if (key == "map") return ReadMap(value, limits, &parts);
  ASSIGN_OR_RETURN(uint64_t number, Number(value), StrCat("'", Printable(key, 40), "'"));
  if (key == "size" || key == "realsize") {
    real_size = number;
  } else if (key == "offset") {
    if (open_offset) return Bad("two offsets in a row");
    open_offset = number;
  } else if (key == "numbytes") {
    if (!open_offset) return Bad("a size without an offset");
    RETURN_IF_ERROR(AddPart({*open_offset, number}, limits, &parts));
    open_offset.reset();
  } else if (key == "major") {
    if (number > 1) return absl::UnimplementedError("tar: a sparse format newer than 1.0");
    map_in_data = number == 1;
  } else if (key == "minor" && number != 0 && map_in_data) {
    return absl::UnimplementedError("tar: a sparse format newer than 1.0");
  }
  return absl::OkStatus();  // "numblocks": we count ourselves
}

absl::Status CheckSparseParts(const std::vector<SparsePart>& parts, uint64_t real_size,
                              uint64_t stored, const Limits& limits) {
  if (real_size > limits.max_unpacked_size) {
    return absl::ResourceExhaustedError(StrCat("tar: a sparse file of ", real_size,
                                               " bytes, allowed are ", limits.max_unpacked_size));
  }
  uint64_t at = 0, sum = 0;
  for (const SparsePart& part : parts) {
    if (part.offset < at) return Bad("parts overlap or are out of order");
    if (part.offset > real_size || part.size > real_size - part.offset) {
      return Bad("a part lies behind the end of the file");
    }
    at = part.offset + part.size;
    sum += part.size;
  }
  if (sum != stored) return Bad(StrCat("its parts are ", sum, " bytes, stored are ", stored));
  return absl::OkStatus();
}

absl::StatusOr<bool> ReadOldSparseParts(ByteView block, bool header, const Limits& limits,
                                        std::vector<SparsePart>* parts) {
  const size_t count = header ? 4 : 21;
  const size_t start = header ? kHeaderParts : kBlockParts;
  for (size_t i = 0; i < count; ++i) {
    const size_t at = start + i * 2 * kNumber;
    if (block[at + kNumber] == 0) break;  // the rest is unused
    ASSIGN_OR_RETURN(uint64_t offset, ParseTarNumber(block.subspan(at, kNumber), "sparse offset"));
    ASSIGN_OR_RETURN(uint64_t size,
                     ParseTarNumber(block.subspan(at + kNumber, kNumber), "sparse size"));
    RETURN_IF_ERROR(AddPart({offset, size}, limits, parts));
  }
  return block[header ? kHeaderMore : kBlockMore] != 0;
}

absl::StatusOr<uint64_t> OldSparseRealSize(ByteView header_block) {
  return ParseTarNumber(header_block.subspan(kRealSize, kNumber), "real size");
}

absl::Status SparseMapReader::TakeNumber(uint64_t number) {
  if (!count_) {
    if (number > limits_.max_sparse_parts) {
      return absl::ResourceExhaustedError(
          StrCat("tar: a sparse file of more than ", limits_.max_sparse_parts, " parts"));
    }
    count_ = number;
  } else if (!half_) {
    parts_.push_back({number, 0});
    half_ = true;
  } else {
    parts_.back().size = number;
    half_ = false;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> SparseMapReader::TakeBlock(ByteView block) {
  for (uint8_t byte : block) {
    if (byte >= '0' && byte <= '9' && digits_ < 19) {
      number_ = number_ * 10 + (byte - '0');
      ++digits_;
      continue;
    }
    if (byte != '\n' || digits_ == 0) return Bad("its map does not parse");
    RETURN_IF_ERROR(TakeNumber(number_));
    number_ = 0;
    digits_ = 0;
    if (!half_ && parts_.size() == *count_) return true;
  }
  return false;
}

}  // namespace nacre::image
