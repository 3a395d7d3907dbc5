// Every bound of this room in one place. An image is hostile input until its last byte has been
// verified, so each number below is enforced while the bytes arrive, not after.
#pragma once

#include <cstdint>

namespace nacre::image {

struct Limits {
  // Documents, in bytes. The distribution spec asks registries to take manifests of 4 MiB.
  uint64_t max_manifest_size = 4 << 20;
  uint64_t max_config_size = 4 << 20;
  uint32_t max_index_entries = 256;
  uint32_t max_index_depth = 4;       // indexes in indexes
  uint32_t max_index_documents = 16;  // read on the way to one manifest
  uint32_t max_layers = 499;  // overlayfs takes 500, of which composing may add one

  // One layer as fetched, and all layers of a pull as unpacked (bytes of tar and tar entries).
  uint64_t max_layer_size = 16ull << 30;
  uint64_t max_image_size = 64ull << 30;  // all layers of an image as fetched
  uint64_t max_unpacked_size = 64ull << 30;
  uint64_t max_entries = 2'000'000;
  // One layer may unpack to as many times its size. Files of nothing but zeros do come near a
  // thousand with gzip, so what is small all the same is not looked at.
  uint64_t max_unpack_ratio = 2000;
  uint64_t unpack_ratio_from = 256 << 20;  // bytes unpacked

  // One tar entry.
  uint32_t max_path_length = 4095;         // bytes, as PATH_MAX less its NUL
  uint32_t max_name_length = 255;          // bytes between two slashes
  uint32_t max_path_depth = 128;           // names in a path
  uint32_t max_extended_header = 1 << 20;  // pax records or a GNU long name, in bytes
  uint32_t max_xattrs = 128;
  uint32_t max_xattr_size = 64 << 10;  // as the kernel's XATTR_SIZE_MAX
  uint32_t max_device_nodes = 256;     // per layer: device nodes, not whiteouts
  uint32_t max_sparse_parts = 64 << 10;

  // What is remembered of one layer: names of folders it uses without naming them (in bytes), and
  // hard links to files of lower layers.
  uint32_t max_implicit_folders = 4 << 20;
  uint32_t max_outside_links = 4096;

  // log2 of the zstd window: 32 MiB. RFC 8878 asks decoders for 8 MiB at least.
  uint32_t zstd_window_log = 25;

  // Layers unpacked side by side, and how often one layer is fetched when the network fails.
  uint32_t parallel_layers = 2;
  uint32_t fetch_attempts = 3;
  uint32_t retry_delay_ms = 200;         // doubled for each further attempt
  uint32_t max_retry_delay_ms = 30'000;  // and the longest a registry may ask us to wait
};

}  // namespace nacre::image
