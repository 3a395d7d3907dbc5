// An OCI image layout folder (image spec, image-layout.md): index.json and blobs/<algorithm>/<hex>.
// The owner's side: what `umoci` and `skopeo` write and read.
#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/registry/manifest.h"

namespace nacre::image {

class OciLayout {
 public:
  // An existing layout; kInvalidArgument when the folder is none.
  static absl::StatusOr<OciLayout> Open(const std::string& path, const Limits& limits);
  // A new one in a missing or empty folder; kAlreadyExists otherwise.
  static absl::StatusOr<OciLayout> Create(const std::string& path, const Limits& limits);
  // Whether there is one, of whatever version.
  static bool IsLayout(const std::string& path);

  // The manifest (or index) tagged so; kNotFound lists the tags there are.
  absl::StatusOr<Descriptor> FindTag(const std::string& tag) const;
  // The only entry; kNotFound when there is none, kInvalidArgument lists the tags of several.
  absl::StatusOr<Descriptor> OnlyImage() const;

  // A small blob whole, digest checked.
  absl::StatusOr<std::string> ReadBlob(const Descriptor& blob, uint64_t max_size) const;
  using OnBytes = absl::FunctionRef<absl::Status(ByteView)>;
  // A blob in pieces; size and digest are checked at its end.
  absl::Status StreamBlob(const Descriptor& blob, OnBytes on_bytes) const;

  // Adds a blob of sha256; returns its descriptor without media type and annotations. `produce`
  // writes it piece by piece into the given sink.
  using Producer = absl::FunctionRef<absl::Status(OnBytes write)>;
  absl::StatusOr<Descriptor> AddBlob(Producer produce);

  // Tags a manifest in index.json, where every other entry stays; the tag's earlier owner goes.
  absl::Status WriteIndex(const Descriptor& manifest, const std::string& tag);

 private:
  OciLayout(std::string path, const Limits& limits) : path_(std::move(path)), limits_(limits) {}
  std::string BlobPath(const BlobDigest& digest) const;
  absl::StatusOr<std::vector<Descriptor>> Entries() const;

  std::string path_;
  Limits limits_;
};

}  // namespace nacre::image
