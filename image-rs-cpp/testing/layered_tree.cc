#include "image-rs-cpp/testing/layered_tree.h"

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "crypto/digest.h"
#include "image-rs-cpp/encrypt/oci_layout.h"
#include "image-rs-cpp/store/compose.h"
#include "image-rs-cpp/store/rootfs.h"
#include "image-rs-cpp/unpack/tar_reader.h"

namespace nacre::image::testing {
namespace {

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

}  // namespace

absl::StatusOr<std::shared_ptr<const StoredLayer>> StoreLayer(LayerStore* store, const Bytes& tar) {
  return store->GetOrUnpack(BlobDigest::OfSha256(tar),
                            [&](LayerPlace& place) -> absl::StatusOr<LayerFacts> {
                              const Limits limits;
                              UnpackBudget budget(limits);
                              ASSIGN_OR_RETURN(LayerTree* const tree, place.Begin());
                              LayerApplier applier(tree, limits, &budget);
                              TarReader reader(&applier, limits);
                              RETURN_IF_ERROR(reader.Write(tar));
                              return applier.Finish();
                            });
}

absl::StatusOr<std::string> TreeThroughOverlay(const std::string& folder,
                                               const std::vector<Bytes>& tars,
                                               LayerVolumes* volumes) {
  const std::string own = StrCat(folder, volumes == nullptr ? "/folders" : "/volumes");
  ASSIGN_OR_RETURN(auto store, LayerStore::Create(own + "/store", {.volumes = volumes}));
  std::vector<std::shared_ptr<const StoredLayer>> layers;
  for (const Bytes& tar : tars) {
    ASSIGN_OR_RETURN(layers.emplace_back(), StoreLayer(store.get(), tar));
  }
  auto scratch = store->MakeScratch();
  ASSIGN_OR_RETURN(ComposedLayers composed, ComposeLayers(layers, scratch->path()));
  const RootfsPlace place{own + "/upper", own + "/work", own + "/root"};
  RETURN_IF_ERROR(MountLayers(composed, place));
  std::string tree = DescribeTree(place.target, kWhatAnOverlayShows);
  RETURN_IF_ERROR(UnmountRootfs(place.target));
  return tree;
}

absl::StatusOr<std::string> TreeByUmoci(const std::string& folder, const std::vector<Bytes>& tars) {
  const std::string layout = folder + "/layout", bundle = folder + "/bundle";
  RETURN_IF_ERROR(WriteLayout(layout, tars));
  SubprocessOptions umoci;
  umoci.argv = {"umoci", "unpack", "--image", layout + ":1", bundle};
  ASSIGN_OR_RETURN(CommandResult result, RunCommand(umoci));
  if (result.exit.code != 0) return absl::UnknownError(result.err);
  return DescribeTree(bundle + "/rootfs", kWhatAnOverlayShows);
}

}  // namespace nacre::image::testing
