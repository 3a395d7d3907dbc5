// A tar archive is a row of 512-byte blocks: a header, the member's bytes padded to whole blocks,
// the next header. The reader is a push parser, so one thread can carry a layer from the socket to
// the disk and nothing waits in between. We read tar ourselves and not through libarchive: Debian's
// libarchive brings libxml2 and 31 MB of ICU data into the measured guest, turns names through the
// C locale (it fails on UTF-8 in pax headers there), and pulls where our network pushes.
#include "image-rs-cpp/unpack/tar_reader.h"

#include <algorithm>

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

absl::Status TarReader::Write(ByteView data) {
  if (failed_) return absl::FailedPreconditionError("tar: reading has failed before");
  failed_ = true;  // until this piece is through
  while (!data.empty() && state_ != State::kEnd) {
    if (state_ == State::kHeader || state_ == State::kExtended) {
      CollectBlock(&data);
      if (remaining_ != 0) break;
      RETURN_IF_ERROR(state_ == State::kHeader ? TakeHeader() : EndExtended());
      continue;
    }
    const size_t count = std::min<uint64_t>(remaining_, data.size());
    if (state_ == State::kData) RETURN_IF_ERROR(sink_->EntryData(data.first(count)));
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
  if (state_ == State::kHeader && remaining_ == 0) {
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
  ASSIGN_OR_RETURN(TarEntry entry,
                   MakeTarEntry(header, pax_.value_or(PaxRecords()), long_path_, long_link_));
  pax_.reset();
  long_path_.reset();
  long_link_.reset();
  RETURN_IF_ERROR(sink_->BeginEntry(entry));
  remaining_ = entry.size;
  padding_ = PaddingOf(entry.size);
  state_ = State::kData;
  return remaining_ == 0 ? EndData() : absl::OkStatus();
}

absl::Status TarReader::EndData() {
  RETURN_IF_ERROR(sink_->EndEntry());
  remaining_ = padding_;
  state_ = remaining_ == 0 ? State::kHeader : State::kPadding;
  return absl::OkStatus();
}

absl::Status TarReader::Finish() {
  if (failed_) return absl::FailedPreconditionError("tar: reading has failed before");
  const bool between_members =
      state_ == State::kEnd ||
      (state_ == State::kHeader && remaining_ == 0 && !pax_ && !long_path_ && !long_link_);
  if (between_members) return absl::OkStatus();
  return absl::DataLossError("tar: the archive ends inside a member");
}

}  // namespace nacre::image
