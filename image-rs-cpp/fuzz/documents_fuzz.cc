// What a registry answers with: index, manifest, image config, challenge, token.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "image-rs-cpp/decrypt/wrapped_keys.h"
#include "image-rs-cpp/registry/auth_challenge.h"
#include "image-rs-cpp/registry/image_config.h"
#include "image-rs-cpp/registry/manifest.h"
#include "image-rs-cpp/testing/test_image.h"

namespace nacre::image {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void Try(ByteView data) {
  const std::string_view text = AsText(data);
  const Limits limits;
  (void)ClassifyDocument(text, kOciManifest, limits);
  (void)ParseIndex(text, limits);
  if (auto manifest = ParseManifest(text, limits); manifest.ok()) {
    Require(manifest->layers.size() <= limits.max_layers);
    for (const Descriptor& layer : manifest->layers) {
      Require(ParseLayerMediaType(layer.media_type).ok() && layer.size <= limits.max_layer_size);
      (void)ParsePublicOptions(layer.annotations);
      if (auto wrapped = ReadWrappedKeys(layer.annotations); wrapped.ok()) {
        Require(wrapped->packets.size() + wrapped->jwes.size() + wrapped->pkcs7.size() <=
                kMaxWrappedKeys);
      }
    }
  }
  if (auto config = ParseImageConfig(text, limits); config.ok()) {
    for (const std::string& entry : config->env) {
      Require(entry.find('=') != std::string::npos && entry.find('\0') == std::string::npos);
    }
  }
  (void)ParseBearerChallenge(text);
  (void)ParseTokenAnswer(text);
}

std::vector<std::string> Seeds() {
  testing::TestImage image;
  image.AddEncryptedLayer(AsBytes("tar"), {}).AddLayer(AsBytes("tar")).Seal();
  return {image.manifest.dump(), image.config.dump(),
          R"({"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:00","size":1}]})",
          R"(Bearer realm="https://a/b",service="s",scope="x:y")", R"({"token":"abc"})"};
}

NACRE_FUZZ_TARGET(ImageDocuments, Try, Seeds)

}  // namespace
}  // namespace nacre::image
