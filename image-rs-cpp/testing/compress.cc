#include "image-rs-cpp/testing/compress.h"

#include <zlib.h>
#include <zstd.h>

#include <cstdlib>

namespace nacre::image::testing {

Bytes GzipOf(ByteView data, int level) {
  z_stream stream = {};
  if (deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK) abort();
  Bytes out(deflateBound(&stream, data.size()));
  stream.next_in = const_cast<Bytef*>(data.data());
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) abort();
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Bytes ZstdOf(ByteView data, int window_log) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  Bytes out(ZSTD_compressBound(data.size()) + 64);
  ZSTD_outBuffer to = {out.data(), out.size(), 0};
  ZSTD_inBuffer from = {data.data(), data.size(), 0};
  if (ZSTD_isError(ZSTD_compressStream2(context, &to, &from, ZSTD_e_continue))) abort();
  if (ZSTD_compressStream2(context, &to, &from, ZSTD_e_end) != 0) abort();
  ZSTD_freeCCtx(context);
  out.resize(to.pos);
  return out;
}

Bytes Compress(Compression kind, ByteView data) {
  if (kind == Compression::kGzip) return GzipOf(data);
  if (kind == Compression::kZstd) return ZstdOf(data);
  return ToBytes(data);
}

}  // namespace nacre::image::testing
