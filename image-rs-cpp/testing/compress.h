// Compressed bytes for tests.
#pragma once

#include "base/bytes.h"
#include "image-rs-cpp/registry/manifest.h"

namespace nacre::image::testing {

Bytes GzipOf(ByteView data, int level = 6);
// Streamed, so that the window is as asked for and no content size is written.
Bytes ZstdOf(ByteView data, int window_log = 20);
Bytes Compress(Compression kind, ByteView data);

}  // namespace nacre::image::testing
