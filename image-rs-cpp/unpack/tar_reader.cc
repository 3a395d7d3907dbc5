// A tar archive is a row of 512-byte blocks: a header, the member's bytes padded to whole blocks,
// the next header. The reader is a push parser, so one thread can carry a layer from the socket to
// the disk and nothing waits in between. We read tar ourselves and not through libarchive: Debian's
// libarchive brings libxml2 and 31 MB of ICU data into the measured guest, turns names through the
// C locale (it fails on UTF-8 in pax headers there), and pulls where our network pushes.
#include "image-rs-cpp/unpack/tar_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/strings.h"

namespace nacre::image {
namespace {

uint32_t PaddingOf(uint64_t size) {
  return static_cast<uint32_t>((kTarBlock - size % kTarBlock) % kTarBlock);
}

absl::Status Twice(std::string_view what) {
  return absl::InvalidArgumentError(StrCat("tar: two ", what, " for one member"));
}

}  // namespace

absl::Status TarSink::EntryHole(uint64_t size) {
  static constexpr std::array<uint8_t, 4096> kZeros = {};
  while (size > 0) {
    const size_t count = std::min<uint64_t>(size, kZeros.size());
    RETURN_IF_ERROR(EntryData(ByteView(kZeros).first(count)));
    size -= count;
  }
  return absl::OkStatus();
}

bool TarReader::Collecting() const {
  return state_ == State::kHeader || state_ == State::kExtended || state_ == State::kSparseBlock ||
         state_ == State::kSparseMap;
}

absl::Status TarReader::TakeCollected() {
  switch (state_) {
    case State::kHeader:
      return TakeHeader();
    case State::kExtended:
      return EndExtended();
    case State::kSparseBlock:
      return TakeSparseBlock();
    default:
      return TakeSparseMap();
  }
}

absl::Status TarReader::Write(ByteView data) {
  if (failed_) return absl::FailedPreconditionError("tar: reading has failed before");
  failed_ = true;  // until this piece is through
  while (!data.empty() && state_ != State::kEnd) {
    if (Collecting()) {
      CollectBlock(&data);
      if (remaining_ != 0) break;
      RETURN_IF_ERROR(TakeCollected());
      continue;
    }
    const size_t count = std::min<uint64_t>(remaining_, data.size());
    if (state_ == State::kData) RETURN_IF_ERROR(PassData(data.first(count)));
    data = data.subspan(count);
    remaining_ -= count;
    if (remaining_ != 0) break;
    if (state_ == State::kData) {
      RETURN_IF_ERROR(EndData());
    } else {
      state_ = State::kHeader;
    }
  }
  failed_ = false;
  return absl::OkStatus();
}

// Moves bytes from `data` to the buffer until the block, or the extended header, is whole.
void TarReader::CollectBlock(ByteView* data) {
  if (state_ != State::kExtended && remaining_ == 0) {
    buffer_.clear();
    remaining_ = kTarBlock;
  }
  const size_t count = std::min<uint64_t>(remaining_, data->size());
  buffer_.insert(buffer_.end(), data->begin(), data->begin() + count);
  *data = data->subspan(count);
  remaining_ -= count;
}

absl::Status TarReader::TakeHeader() {
  if (IsZeroBlock(buffer_)) {
    if (pax_ || long_path_ || long_link_) {
      return absl::InvalidArgumentError("tar: an extended header with no member after it");
    }
    if (zero_block_seen_) state_ = State::kEnd;
    zero_block_seen_ = true;
    return absl::OkStatus();
  }
  if (zero_block_seen_) return absl::InvalidArgumentError("tar: a lone zero block");
  ASSIGN_OR_RETURN(TarHeader header, ParseTarHeader(buffer_));
  switch (header.type) {
    case 'x':
    case 'g':
    case 'L':
    case 'K':
      return StartExtended(header);
    default:
      return StartMember(header);
  }
}

absl::Status TarReader::StartExtended(const TarHeader& header) {
  if (header.size > limits_.max_extended_header) {
    return absl::ResourceExhaustedError(StrCat("tar: an extended header of ", header.size,
                                               " bytes, allowed are ",
                                               limits_.max_extended_header));
  }
  extended_type_ = header.type;
  padding_ = PaddingOf(header.size);
  remaining_ = header.size;
  buffer_.clear();
  state_ = State::kExtended;
  return remaining_ == 0 ? EndExtended() : absl::OkStatus();
}

absl::Status TarReader::EndExtended() {
  if (extended_type_ == 'x' || extended_type_ == 'g') {
    ASSIGN_OR_RETURN(PaxRecords records, ParsePaxRecords(buffer_, limits_));
    if (extended_type_ == 'x') {
      if (pax_) return Twice("pax headers");
      pax_ = std::move(records);
    } else if (!records.empty()) {
      // Global headers carry comments in practice; one that changes members is not worth its risk.
      return absl::UnimplementedError("tar: a global pax header that changes members");
    }
  } else {
    std::optional<std::string>& name = extended_type_ == 'L' ? long_path_ : long_link_;
    if (name) return Twice("long names");
    name = std::string(buffer_.begin(), std::find(buffer_.begin(), buffer_.end(), 0));
  }
  Bytes().swap(buffer_);
  remaining_ = padding_;
  state_ = remaining_ == 0 ? State::kHeader : State::kPadding;
  return absl::OkStatus();
}

absl::Status TarReader::StartMember(const TarHeader& header) {
  const PaxRecords pax = std::exchange(pax_, std::nullopt).value_or(PaxRecords());
  ASSIGN_OR_RETURN(entry_, MakeTarEntry(header, pax, long_path_, long_link_));
  long_path_.reset();
  long_link_.reset();
  padding_ = PaddingOf(entry_.size);
  if (header.type == 'S' || (pax.sparse && entry_.type == TarType::kFile)) {
    return StartSparse(header, pax);
  }
  return StartData();
}

// entry_.size is what is stored until the map is known, and the file's own size from then on.
absl::Status TarReader::StartSparse(const TarHeader& header, const PaxRecords& pax) {
  sparse_.emplace(limits_);
  sparse_->stored = entry_.size;
  if (header.type == 'S') {
    ASSIGN_OR_RETURN(entry_.size, OldSparseRealSize(buffer_));
    ASSIGN_OR_RETURN(bool more, ReadOldSparseParts(buffer_, true, limits_, &sparse_->parts));
    remaining_ = 0;
    state_ = State::kSparseBlock;
    return more ? absl::OkStatus() : StartData();
  }
  if (!pax.sparse->real_size || pax.sparse->open_offset) {
    return absl::InvalidArgumentError("tar: sparse file: its map or its size is not whole");
  }
  entry_.size = *pax.sparse->real_size;
  if (pax.sparse->map_in_data) {
    remaining_ = 0;
    state_ = State::kSparseMap;
    return absl::OkStatus();
  }
  sparse_->parts = pax.sparse->parts;
  return StartData();
}

absl::Status TarReader::TakeSparseBlock() {
  ASSIGN_OR_RETURN(bool more, ReadOldSparseParts(buffer_, false, limits_, &sparse_->parts));
  return more ? absl::OkStatus() : StartData();
}

absl::Status TarReader::TakeSparseMap() {
  if (sparse_->stored < kTarBlock) {
    return absl::InvalidArgumentError("tar: sparse file: its map is longer than its bytes");
  }
  sparse_->stored -= kTarBlock;
  ASSIGN_OR_RETURN(bool whole, sparse_->map.TakeBlock(buffer_));
  if (!whole) return absl::OkStatus();
  sparse_->parts = sparse_->map.Release();
  return StartData();
}

absl::Status TarReader::StartData() {
  remaining_ = entry_.size;
  if (sparse_) {
    remaining_ = sparse_->stored;
    RETURN_IF_ERROR(CheckSparseParts(sparse_->parts, entry_.size, remaining_, limits_));
  }
  RETURN_IF_ERROR(sink_->BeginEntry(entry_));
  state_ = State::kData;
  return remaining_ == 0 ? EndData() : absl::OkStatus();
}

absl::Status TarReader::PassHole(uint64_t up_to) {
  if (up_to == sparse_->at) return absl::OkStatus();
  const uint64_t size = up_to - sparse_->at;
  sparse_->at = up_to;
  return sink_->EntryHole(size);
}

absl::Status TarReader::PassData(ByteView data) {
  if (!sparse_) return sink_->EntryData(data);
  while (!data.empty()) {
    const SparsePart& part = sparse_->parts[sparse_->next];  // they hold all that is stored
    if (sparse_->at >= part.offset + part.size) {
      ++sparse_->next;
      continue;
    }
    RETURN_IF_ERROR(PassHole(std::max(part.offset, sparse_->at)));
    const size_t count = std::min<uint64_t>(data.size(), part.offset + part.size - sparse_->at);
    RETURN_IF_ERROR(sink_->EntryData(data.first(count)));
    sparse_->at += count;
    data = data.subspan(count);
  }
  return absl::OkStatus();
}

absl::Status TarReader::EndData() {
  if (sparse_) RETURN_IF_ERROR(PassHole(entry_.size));
  sparse_.reset();
  RETURN_IF_ERROR(sink_->EndEntry());
  remaining_ = padding_;
  state_ = remaining_ == 0 ? State::kHeader : State::kPadding;
  return absl::OkStatus();
}

absl::Status TarReader::Finish() {
  if (failed_) return absl::FailedPreconditionError("tar: reading has failed before");
  // `umoci insert` of one file stops at its last byte, without padding, and others take that.
  const bool after_a_member =
      state_ == State::kPadding || (state_ == State::kHeader && !remaining_);
  const bool between_members =
      state_ == State::kEnd || (after_a_member && !pax_ && !long_path_ && !long_link_);
  if (between_members) return absl::OkStatus();
  return absl::DataLossError("tar: the archive ends inside a member");
}

}  // namespace nacre::image
