// What a policy has to know of an image: its digest, its configuration, its account files. From a
// folder of answers kept earlier, an OCI layout, or the registry, in this order.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "image-rs-cpp/accounts.h"
#include "image-rs-cpp/registry/image_config.h"
#include "image-rs-cpp/registry/reference.h"
#include "image-rs-cpp/registry/registry_client.h"

namespace nacre::policy {

struct ImageFacts {
  image::ImageReference reference;
  std::string digest;  // "sha256:...", of what the reference leads to: an index or a manifest
  image::ImageConfig config;
  // Absent when the layers are encrypted.
  std::optional<image::AccountFiles> accounts;
};

struct ImageSourceOptions {
  // Folder of <reference with '_' for '/', ':' and '@'>.json, each
  //   {"reference": ..., "digest": ..., "config": {the image configuration},
  //    "passwd": ..., "group": ...}           the last two may be missing
  // What a registry says is kept there. "" for none.
  std::string cache;
  std::map<std::string, std::string> layouts;  // reference -> "folder" or "folder:tag"
  bool offline = false;                        // never ask a registry
  image::RegistryOptions registry;
  // Where to ask instead: "host:port" in references -> "host:port" to connect to.
  std::map<std::string, std::string> mirrors;
  image::Platform platform;
};

class ImageSource {
 public:
  explicit ImageSource(ImageSourceOptions options) : options_(std::move(options)) {}
  // kNotFound when no source has it; the sources' own errors. All name the image.
  absl::StatusOr<ImageFacts> Find(const std::string& reference);

 private:
  absl::StatusOr<std::optional<ImageFacts>> FromCache(const image::ImageReference& reference) const;
  absl::Status Keep(const ImageFacts& facts) const;
  absl::StatusOr<ImageFacts> FromLayout(const image::ImageReference& reference,
                                        const std::string& place) const;
  absl::StatusOr<ImageFacts> FromRegistry(const image::ImageReference& reference);

  ImageSourceOptions options_;
  std::unique_ptr<image::RegistryClient> registry_;
};

}  // namespace nacre::policy
