// Options of the verbs that speak to registries, as an owner's machine has them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/verb.h"
#include "image-rs-cpp/image_settings.h"

namespace nacre::cli {

struct ImageRegistryFlags {
  std::vector<std::string> insecure;
  std::string authfile;
  std::string registries_conf;
  std::string ca_file;
};

// --insecure HOST, --authfile FILE, --registries-conf FILE, --ca-file FILE
void AddImageRegistryFlags(CLI::App& verb, ImageRegistryFlags* flags);

// The files read and checked, as the guest does it.
absl::StatusOr<image::ImagePullerOptions> LoadImageOptions(const ImageRegistryFlags& flags,
                                                           image::ImageSettings settings = {});

// Absolute, for Documents.
std::string FileName(const std::string& path);

}  // namespace nacre::cli
