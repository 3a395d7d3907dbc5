// A puller that holds a good image and is about to be given a bad one. What every refusal must be
// is checked in one place: it names the image, the layer and the reason in one printable line,
// nothing of the bad image stays in the staging folder, no descriptor stays open, and the good
// image is whole and needs no layer from the registry again.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "image-rs-cpp/image_puller.h"
#include "image-rs-cpp/testing/key_table.h"
#include "image-rs-cpp/testing/test_registry.h"

namespace nacre::image::testing {

class RefusalScene {
 public:
  RefusalScene();

  // Adds a layer to the bad image, above a good one, and makes it the layer the refusal names.
  void BadLayer(ByteView tar, Compression compression = Compression::kGzip);
  // The same for bytes that need not be what their media type says.
  void BadBlob(ByteView blob, std::string_view media_type);
  // The registry has `content` in the place of a blob of the bad image.
  void Replace(const std::string& digest, const std::string& content);

  // Pulls the good image, then the bad one, which must be refused like this.
  struct Refusal {
    absl::StatusCode code;
    std::vector<std::string> says;
  };
  void ExpectRefused(const Refusal& wanted);

  std::unique_ptr<TestRegistry> registry;
  TestImage image;    // the bad one; sealed and pushed by ExpectRefused
  std::string layer;  // digest of the layer at fault; empty: none is
  std::string tag = "bad";
  Limits limits;
  LayerStoreOptions store;
  RegistryOptions registry_options;

 private:
  absl::StatusOr<PulledImage> PullGood();
  void ExpectGoodIsWhole();

  TemporaryDirectory folder_;
  TestImage good_;
  std::map<std::string, std::string> replaced_;
  KeyTable keys_;
  std::unique_ptr<ImagePuller> puller_;
};

}  // namespace nacre::image::testing
