// umoci as the oracle: random layers that change each other must show the same tree through our
// overlay as umoci makes of them on one file system.
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/property_testing.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "crypto/digest.h"
#include "image-rs-cpp/encrypt/oci_layout.h"
#include "image-rs-cpp/store/compose.h"
#include "image-rs-cpp/store/rootfs.h"
#include "image-rs-cpp/testing/file_tree.h"
#include "image-rs-cpp/testing/layer_script.h"
#include "image-rs-cpp/unpack/tar_reader.h"

namespace nacre::image {
namespace {

using testing::DescribeTree;
using testing::LayerScript;
using testing::LayerStep;
using testing::ScriptedLayers;

constexpr testing::TreeOptions kWhatAnOverlayShows = {.folder_times = false, .links = false};

absl::Status WriteLayout(const std::string& path, const std::vector<Bytes>& tars) {
  ASSIGN_OR_RETURN(OciLayout layout, OciLayout::Create(path, {}));
  auto add = [&](ByteView content) {
    return layout.AddBlob([&](OciLayout::OnBytes write) { return write(content); });
  };
  auto describe = [](const Descriptor& blob, std::string_view type) {
    return Json{{"mediaType", type}, {"digest", blob.digest.text()}, {"size", blob.size}};
  };
  Json layers = Json::array(), diff_ids = Json::array();
  for (const Bytes& tar : tars) {
    ASSIGN_OR_RETURN(Descriptor blob, add(tar));
    layers.push_back(describe(blob, "application/vnd.oci.image.layer.v1.tar"));
    diff_ids.push_back(crypto::OciDigest(tar));
  }
  ASSIGN_OR_RETURN(std::string config,
                   DumpJson({{"architecture", "amd64"},
                             {"os", "linux"},
                             {"config", Json::object()},
                             {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}}));
  ASSIGN_OR_RETURN(Descriptor config_blob, add(AsBytes(config)));
  ASSIGN_OR_RETURN(
      std::string manifest,
      DumpJson({{"schemaVersion", 2},
                {"mediaType", kOciManifest},
                {"config", describe(config_blob, "application/vnd.oci.image.config.v1+json")},
                {"layers", layers}}));
  ASSIGN_OR_RETURN(Descriptor manifest_blob, add(AsBytes(manifest)));
  manifest_blob.media_type = kOciManifest;
  return layout.WriteIndex(manifest_blob, "1");
}

absl::StatusOr<std::shared_ptr<const StoredLayer>> Store(LayerStore* store, const Bytes& tar) {
  return store->GetOrUnpack(
      BlobDigest::OfSha256(tar), [&](const std::string& staging) -> absl::StatusOr<LayerFacts> {
        const Limits limits;
        UnpackBudget budget(limits);
        ASSIGN_OR_RETURN(auto applier, LayerApplier::Create(staging, limits, &budget));
        TarReader reader(&applier, limits);
        RETURN_IF_ERROR(reader.Write(tar));
        return applier.Finish();
      });
}

absl::StatusOr<std::string> OurTree(const std::string& folder, const std::vector<Bytes>& tars) {
  ASSIGN_OR_RETURN(auto store, LayerStore::Create(folder + "/store"));
  std::vector<std::shared_ptr<const StoredLayer>> layers;
  for (const Bytes& tar : tars) {
    ASSIGN_OR_RETURN(layers.emplace_back(), Store(store.get(), tar));
  }
  auto scratch = store->MakeScratch();
  ASSIGN_OR_RETURN(ComposedLayers composed, ComposeLayers(layers, scratch->path()));
  const RootfsPlace place{folder + "/upper", folder + "/work", folder + "/root"};
  RETURN_IF_ERROR(MountLayers(composed, place));
  std::string tree = DescribeTree(place.target, kWhatAnOverlayShows);
  RETURN_IF_ERROR(UnmountRootfs(place.target));
  return tree;
}

absl::StatusOr<std::string> TreeOfUmoci(const std::string& folder, const std::vector<Bytes>& tars) {
  const std::string layout = folder + "/layout", bundle = folder + "/bundle";
  RETURN_IF_ERROR(WriteLayout(layout, tars));
  SubprocessOptions umoci;
  umoci.argv = {"umoci", "unpack", "--image", layout + ":1", bundle};
  ASSIGN_OR_RETURN(CommandResult result, RunCommand(umoci));
  if (result.exit.code != 0) return absl::UnknownError(result.err);
  return DescribeTree(bundle + "/rootfs", kWhatAnOverlayShows);
}

rc::Gen<LayerScript> Scripts() {
  const auto number = rc::gen::inRange<uint32_t>(0, 1000);
  const auto step = rc::gen::build<LayerStep>(
      rc::gen::set(&LayerStep::kind, rc::gen::inRange<uint32_t>(0, 10)),
      rc::gen::set(&LayerStep::folder, number), rc::gen::set(&LayerStep::name, number),
      rc::gen::set(&LayerStep::target, number), rc::gen::set(&LayerStep::dress, number));
  const auto layer = rc::gen::resize(60, rc::gen::container<std::vector<LayerStep>>(step));
  return rc::gen::resize(12, rc::gen::container<LayerScript>(layer));
}

// Without the root, which an image need not name.
std::string BelowRoot(const std::string& tree) { return tree.substr(tree.find('\n')); }

TEST(LayersDifferentialTest, ShowTheTreeUmociMakes) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: mounts overlays";
  if (access("/usr/bin/umoci", X_OK) != 0) GTEST_SKIP() << "needs umoci";
  CheckProperty(60, [] {
    const ScriptedLayers layers = testing::WriteLayers(*Scripts());
    RC_LOG() << layers.text;
    auto folder = TemporaryDirectory::Create("layers");
    RC_ASSERT(folder.ok());
    auto theirs = TreeOfUmoci(folder->path(), layers.tars);
    if (!theirs.ok()) RC_FAIL(std::string(Message(theirs.status())));
    auto ours = OurTree(folder->path(), layers.tars);
    if (!ours.ok()) RC_FAIL(std::string(Message(ours.status())));
    RC_ASSERT(BelowRoot(*ours) == BelowRoot(*theirs));
  });
}

}  // namespace
}  // namespace nacre::image
