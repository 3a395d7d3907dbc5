#include "image-rs-cpp/unpack/decompress.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>

#include "base/strings.h"

namespace nacre::image {
namespace {

constexpr size_t kBufferSize = 128 << 10;

absl::Status EndsEarly(std::string_view what) {
  return absl::DataLossError(StrCat(what, ": the compressed layer ends early"));
}

class Plain : public Decompressor {
 public:
  absl::Status Write(ByteView data, BytesSink sink) override { return sink(data); }
  absl::Status Finish() override { return absl::OkStatus(); }
};

class Gzip : public Decompressor {
 public:
  Gzip() : buffer_(kBufferSize) {}
  ~Gzip() override {
    if (started_) inflateEnd(&stream_);
  }

  absl::Status Start() {
    // 15 + 16: the largest window, with a gzip header and trailer.
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) {
      return absl::ResourceExhaustedError("gzip: no memory for the window");
    }
    started_ = true;
    return absl::OkStatus();
  }

  absl::Status Write(ByteView data, BytesSink sink) override {
    while (!data.empty()) {
      const size_t piece = std::min<size_t>(data.size(), std::numeric_limits<uInt>::max());
      if (at_member_end_) {
        inflateReset(&stream_);
        at_member_end_ = false;
      }
      stream_.next_in = const_cast<Bytef*>(data.data());
      stream_.avail_in = static_cast<uInt>(piece);
      RETURN_IF_ERROR(Inflate(sink));
      data = data.subspan(piece - stream_.avail_in);
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override { return at_member_end_ ? absl::OkStatus() : EndsEarly("gzip"); }

 private:
  // Until the input is used up or a member ends.
  absl::Status Inflate(BytesSink sink) {
    do {
      stream_.next_out = buffer_.data();
      stream_.avail_out = kBufferSize;
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_MEM_ERROR) return absl::ResourceExhaustedError("gzip: no memory");
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
        return absl::InvalidArgumentError(
            StrCat("gzip: ", stream_.msg != nullptr ? stream_.msg : "not a gzip stream"));
      }
      RETURN_IF_ERROR(sink(ByteView(buffer_).first(kBufferSize - stream_.avail_out)));
      at_member_end_ = result == Z_STREAM_END;
    } while (!at_member_end_ && (stream_.avail_in != 0 || stream_.avail_out == 0));
    return absl::OkStatus();
  }

  Bytes buffer_;
  z_stream stream_ = {};
  bool started_ = false;
  bool at_member_end_ = false;
};

class Zstd : public Decompressor {
 public:
  Zstd() : buffer_(kBufferSize), stream_(ZSTD_createDStream()) {}

  absl::Status Start(uint32_t window_log) {
    if (stream_ == nullptr) return absl::ResourceExhaustedError("zstd: no memory");
    const size_t result =
        ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, static_cast<int>(window_log));
    if (!ZSTD_isError(result)) return absl::OkStatus();
    return absl::InvalidArgumentError(StrCat("zstd: ", ZSTD_getErrorName(result)));
  }

  absl::Status Write(ByteView data, BytesSink sink) override {
    ZSTD_inBuffer in = {data.data(), data.size(), 0};
    bool buffer_was_full = false;
    while (in.pos < in.size || buffer_was_full) {
      ZSTD_outBuffer out = {buffer_.data(), buffer_.size(), 0};
      const size_t result = ZSTD_decompressStream(stream_.get(), &out, &in);
      if (ZSTD_isError(result)) {
        return absl::InvalidArgumentError(StrCat("zstd: ", ZSTD_getErrorName(result)));
      }
      at_frame_end_ = result == 0;
      buffer_was_full = out.pos == out.size && !at_frame_end_;
      RETURN_IF_ERROR(sink(ByteView(buffer_).first(out.pos)));
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override { return at_frame_end_ ? absl::OkStatus() : EndsEarly("zstd"); }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  Bytes buffer_;
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  bool at_frame_end_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Decompressor>> Decompressor::Create(Compression kind,
                                                                   const Limits& limits) {
  if (kind == Compression::kGzip) {
    auto gzip = std::make_unique<Gzip>();
    RETURN_IF_ERROR(gzip->Start());
    return gzip;
  }
  if (kind == Compression::kZstd) {
    auto zstd = std::make_unique<Zstd>();
    RETURN_IF_ERROR(zstd->Start(limits.zstd_window_log));
    return zstd;
  }
  return std::make_unique<Plain>();
}

}  // namespace nacre::image
