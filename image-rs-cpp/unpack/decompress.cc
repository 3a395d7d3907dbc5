// Inflate is the dearest step of a pull, so its library was chosen by measuring (SPECIFICATION.md,
// tests/bench/image_bench.cc): on layers of Debian's own files isa-l takes a third to a half of
// zlib's time. libdeflate comes near it and takes whole buffers only, which a layer of unknown size
// is not.
#include "image-rs-cpp/unpack/decompress.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/strings.h"

namespace nacre::image {
namespace {

constexpr size_t kBufferSize = 128 << 10;

absl::Status EndsEarly(std::string_view what) {
  return absl::DataLossError(StrCat(what, ": the compressed layer ends early"));
}

absl::Status Unwanted() { return absl::CancelledError("nobody takes the plain bytes"); }

// Hands pieces to a sink, and remembers what it said.
class SinkOutput : public ByteOutput {
 public:
  SinkOutput(std::span<uint8_t> buffer, BytesSink sink) : buffer_(buffer), sink_(sink) {}
  std::span<uint8_t> Room() override { return status_.ok() ? buffer_ : std::span<uint8_t>(); }
  void Commit(size_t count) override { status_ = sink_(buffer_.first(count)); }
  const absl::Status& status() const { return status_; }

 private:
  std::span<uint8_t> buffer_;
  BytesSink sink_;
  absl::Status status_;
};

class Plain : public Decompressor {
 public:
  absl::Status WriteTo(ByteView data, ByteOutput* out) override {
    while (!data.empty()) {
      const std::span<uint8_t> room = out->Room();
      if (room.empty()) return Unwanted();
      const size_t count = std::min(room.size(), data.size());
      std::copy_n(data.begin(), count, room.begin());
      out->Commit(count);
      data = data.subspan(count);
    }
    return absl::OkStatus();
  }
  absl::Status Finish() override { return absl::OkStatus(); }
};

std::string_view InflateError(int result) {
  switch (result) {
    case ISAL_INVALID_BLOCK:
      return "an invalid block";
    case ISAL_INVALID_SYMBOL:
      return "an invalid symbol";
    case ISAL_INVALID_LOOKBACK:
      return "a reference to before the beginning";
    case ISAL_UNSUPPORTED_METHOD:
      return "a compression method that is not deflate";
    case ISAL_INCORRECT_CHECKSUM:
      return "a wrong checksum or length";
    default:
      return "not a gzip stream";
  }
}

class Gzip : public Decompressor {
 public:
  Gzip() : state_(std::make_unique<inflate_state>()) { Start(); }

  absl::Status WriteTo(ByteView data, ByteOutput* out) override {
    while (!data.empty()) {
      if (at_member_end_) Start();
      RETURN_IF_ERROR(CheckMagic(data));
      const size_t piece = std::min<size_t>(data.size(), std::numeric_limits<uint32_t>::max());
      state_->next_in = const_cast<uint8_t*>(data.data());
      state_->avail_in = static_cast<uint32_t>(piece);
      RETURN_IF_ERROR(Inflate(out));
      data = data.subspan(piece - state_->avail_in);
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override { return at_member_end_ ? absl::OkStatus() : EndsEarly("gzip"); }

 private:
  void Start() {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;  // with header and trailer, which is checked
    at_member_end_ = false;
    magic_seen_ = 0;
  }

  // The library waits for a whole head; other bytes after a member are told from a cut here.
  absl::Status CheckMagic(ByteView data) {
    constexpr std::array<uint8_t, 2> kMagic = {0x1f, 0x8b};
    for (size_t i = 0; i < data.size() && magic_seen_ < kMagic.size(); ++i, ++magic_seen_) {
      if (data[i] != kMagic[magic_seen_]) {
        return absl::InvalidArgumentError("gzip: not a gzip stream");
      }
    }
    return absl::OkStatus();
  }

  // Until the input is used up or a member ends.
  absl::Status Inflate(ByteOutput* out) {
    bool room_was_left;
    do {
      const std::span<uint8_t> room = out->Room();
      if (room.empty()) return Unwanted();
      state_->next_out = room.data();
      state_->avail_out = static_cast<uint32_t>(room.size());
      const int result = isal_inflate(state_.get());
      if (result != ISAL_DECOMP_OK) {
        return absl::InvalidArgumentError(StrCat("gzip: ", InflateError(result)));
      }
      const size_t made = room.size() - state_->avail_out;
      room_was_left = state_->avail_out != 0;
      if (made != 0) out->Commit(made);
      at_member_end_ = state_->block_state == ISAL_BLOCK_FINISH;
    } while (!at_member_end_ && !(room_was_left && state_->avail_in == 0));
    return absl::OkStatus();
  }

  std::unique_ptr<inflate_state> state_;
  bool at_member_end_ = false;
  size_t magic_seen_ = 0;  // bytes of the member's
};

// The head of a zstd frame (RFC 8878 section 3.1.1.1) as it comes in, for the size of its window.
class ZstdFrameHead {
 public:
  // Takes one byte; true when the window's size is known.
  bool Add(uint8_t byte) {
    head_.push_back(byte);
    return head_.size() >= Size();
  }
  ByteView bytes() const { return head_; }
  void Clear() { head_.clear(); }

  // Zero for frames that are no frames (skippable, or not zstd at all: the library says so).
  uint64_t Window() const {
    if (!IsFrame()) return 0;
    if (Single()) {
      uint64_t content = 0;
      for (size_t i = 0; i < ContentBytes(); ++i) content |= uint64_t{head_[At() + i]} << (8 * i);
      return ContentBytes() == 2 ? content + 256 : content;
    }
    const uint64_t base = 1ull << (10 + (head_[5] >> 3));
    return base + base / 8 * (head_[5] & 7);
  }

 private:
  bool IsFrame() const {
    return head_.size() >= 4 && head_[0] == 0x28 && head_[1] == 0xb5 && head_[2] == 0x2f &&
           head_[3] == 0xfd;
  }
  bool Single() const { return (head_[4] & 0x20) != 0; }
  size_t DictionaryBytes() const { return std::array<size_t, 4>{0, 1, 2, 4}[head_[4] & 3]; }
  size_t ContentBytes() const {
    const size_t code = head_[4] >> 6;
    return code == 0 ? (Single() ? 1 : 0) : size_t{1} << code;
  }
  size_t At() const { return 5 + (Single() ? 0 : 1) + DictionaryBytes(); }
  size_t Size() const {
    if (head_.size() < 4) return 4;
    if (!IsFrame()) return head_.size();
    if (head_.size() < 5) return 5;
    return Single() ? At() + ContentBytes() : 6;
  }

  Bytes head_;
};

class Zstd : public Decompressor {
 public:
  Zstd(const Limits& limits, WindowMemory* windows)
      : window_log_(limits.zstd_window_log), windows_(windows) {}
  ~Zstd() override { Drop(); }

  absl::Status WriteTo(ByteView data, ByteOutput* out) override {
    while (!data.empty()) {
      if (!in_frame_) {
        const bool known = head_.Add(data[0]);
        data = data.subspan(1);
        if (!known) continue;
        RETURN_IF_ERROR(StartFrame(head_.Window()));
        ByteView head = head_.bytes();
        RETURN_IF_ERROR(Decode(&head, out));
        head_.Clear();
        continue;
      }
      RETURN_IF_ERROR(Decode(&data, out));
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override {
    return at_end_ && head_.bytes().empty() ? absl::OkStatus() : EndsEarly("zstd");
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };

  void Drop() {
    stream_.reset();
    if (windows_ != nullptr) windows_->Release(held_);
    held_ = 0;
  }

  absl::Status StartFrame(uint64_t window) {
    in_frame_ = true;
    at_end_ = false;
    window = std::min(window, uint64_t{1} << window_log_);
    if (stream_ != nullptr && window <= held_) return absl::OkStatus();
    Drop();
    if (windows_ != nullptr) windows_->Acquire(window);
    held_ = window;
    stream_.reset(ZSTD_createDStream());
    if (stream_ == nullptr) return absl::ResourceExhaustedError("zstd: no memory");
    return Check(
        ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, static_cast<int>(window_log_)));
  }

  absl::Status Check(size_t result) const {
    if (!ZSTD_isError(result)) return absl::OkStatus();
    return absl::InvalidArgumentError(StrCat("zstd: ", ZSTD_getErrorName(result)));
  }

  // Until the input is used up or the frame ends.
  absl::Status Decode(ByteView* data, ByteOutput* out) {
    ZSTD_inBuffer in = {data->data(), data->size(), 0};
    bool room_was_full = false;
    while (in_frame_ && (in.pos < in.size || room_was_full)) {
      const std::span<uint8_t> room = out->Room();
      if (room.empty()) return Unwanted();
      ZSTD_outBuffer made = {room.data(), room.size(), 0};
      const size_t result = ZSTD_decompressStream(stream_.get(), &made, &in);
      RETURN_IF_ERROR(Check(result));
      if (result == 0) {
        in_frame_ = false;
        at_end_ = true;
      }
      room_was_full = made.pos == made.size;
      if (made.pos != 0) out->Commit(made.pos);
    }
    *data = data->subspan(in.pos);
    return absl::OkStatus();
  }

  const uint32_t window_log_;
  WindowMemory* const windows_;
  uint64_t held_ = 0;
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  ZstdFrameHead head_;
  bool in_frame_ = false;
  bool at_end_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Decompressor>> Decompressor::Create(Compression kind,
                                                                   const Limits& limits,
                                                                   WindowMemory* windows) {
  if (kind == Compression::kGzip) return std::make_unique<Gzip>();
  if (kind == Compression::kZstd) return std::make_unique<Zstd>(limits, windows);
  return std::make_unique<Plain>();
}

absl::Status Decompressor::Write(ByteView data, BytesSink sink) {
  if (buffer_.empty()) buffer_.resize(kBufferSize);
  SinkOutput out(buffer_, sink);
  const absl::Status status = WriteTo(data, &out);
  return out.status().ok() ? status : out.status();
}

}  // namespace nacre::image
