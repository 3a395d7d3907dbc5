// Images made in memory, honest by default; tests change the JSON before Seal() to make them
// hostile.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/json.h"
#include "image-rs-cpp/registry/manifest.h"

namespace nacre::image::testing {

struct EncryptionKey {
  std::string key_id = "kbs:///default/image-key/1";
  Bytes kek = Bytes(32, 0x5a);
};

class TestImage {
 public:
  TestImage();

  // Adds a layer of this tar. The media type is OCI's for the compression.
  TestImage& AddLayer(ByteView tar, Compression compression = Compression::kGzip);
  TestImage& AddEncryptedLayer(ByteView tar, const EncryptionKey& key,
                               Compression compression = Compression::kGzip);

  // Makes blobs of the configuration and the manifest as the JSON stands now.
  TestImage& Seal();

  std::string manifest_digest;  // after Seal()
  std::string manifest_type{kOciManifest};
  Json manifest;
  Json config;
  std::map<std::string, std::string> blobs;  // by digest

  // Adds a blob and gives its descriptor.
  Json AddBlob(ByteView content, std::string_view media_type);
};

}  // namespace nacre::image::testing
