// umoci as the oracle: random layers that change each other must show the same tree through our
// overlay as umoci makes of them on one file system.
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <random>
#include <set>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "crypto/digest.h"
#include "image-rs-cpp/encrypt/oci_layout.h"
#include "image-rs-cpp/store/compose.h"
#include "image-rs-cpp/store/rootfs.h"
#include "image-rs-cpp/testing/file_tree.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/unpack/entry_path.h"
#include "image-rs-cpp/unpack/tar_reader.h"

namespace nacre::image {
namespace {

using testing::DescribeTree;
using testing::Member;
using testing::TarBuilder;

// Writes layers, and knows what there is after each, so that every change means something.
class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  Bytes Layer() {
    lower_ = tree_;
    made_.clear();
    TarBuilder tar;
    for (int i = 0; i < 25; ++i) Change(&tar);
    return tar.Finish();
  }

 private:
  uint32_t Below(uint32_t count) { return static_cast<uint32_t>(random_()) % count; }

  // A name in a random folder of the tree.
  std::string NewPath() {
    std::vector<std::string> folders = {""};
    for (const auto& [path, type] : tree_) {
      if (type == 'd' && StrSplit(path, '/').size() < 4) folders.push_back(path);
    }
    const std::string folder = folders[Below(static_cast<uint32_t>(folders.size()))];
    const std::string name(1, static_cast<char>('a' + Below(6)));
    return folder.empty() ? name : StrCat(folder, "/", name);
  }
  std::string Existing(char type) {
    std::vector<std::string> paths;
    for (const auto& [path, is] : tree_) {
      if (is == type) paths.push_back(path);
    }
    return paths.empty() ? "" : paths[Below(static_cast<uint32_t>(paths.size()))];
  }
  void Erase(const std::string& path) {
    tree_.erase(path);
    tree_.erase(tree_.lower_bound(path + "/"), tree_.lower_bound(path + "0"));
  }
  bool HasMade(const std::string& path) const {
    if (made_.contains(path)) return true;
    const auto inside = made_.lower_bound(path + "/");
    return inside != made_.end() && inside->starts_with(path + "/");
  }

  Member Dressed(const std::string& path, char type) {
    return {.path = path,
            .type = type,
            .mode = 0100 + Below(0700),
            .uid = Below(3) * 1000,
            .gid = Below(3) * 1000,
            .mtime = 1'000'000'000 + static_cast<int64_t>(Below(1'000'000))};
  }

  void Change(TarBuilder* tar) {
    const std::string path = NewPath();
    const bool was_folder = tree_.contains(path) && tree_[path] == 'd';
    switch (Below(8)) {
      case 0:
      case 1: {
        if (!was_folder) Erase(path);
        tar->Add(Dressed(path, '5'));
        tree_[path] = 'd';
        made_.insert(path);
        return;
      }
      case 2:
        return Delete(path, tar);
      case 3: {
        // Hides only what lower layers have.
        const std::string folder = Existing('d');
        if (folder.empty() || !lower_.contains(folder) || HasMade(folder)) return;
        tar->File(folder + "/.wh..wh..opq", "");
        tree_.erase(tree_.lower_bound(folder + "/"), tree_.lower_bound(folder + "0"));
        made_.insert(folder);
        return;
      }
      case 4: {
        const std::string target = Existing('f');
        if (target.empty() || target == path || target.starts_with(path + "/") || HasMade(path)) {
          return;
        }
        Erase(path);
        tar->HardLink(path, target);
        tree_[path] = 'f';
        made_.insert(path);
        return;
      }
      default: {
        if (HasMade(path)) return;
        Erase(path);
        const bool link = Below(4) == 0;
        Member member = Dressed(path, link ? '2' : '0');
        if (link) member.link_target = "somewhere";
        if (!link) member.content = std::string(Below(2000), static_cast<char>('a' + Below(26)));
        tar->Add(member);
        tree_[path] = link ? 'l' : 'f';
        made_.insert(path);
      }
    }
  }

  void Delete(const std::string& path, TarBuilder* tar) {
    if (!lower_.contains(path) || !tree_.contains(path) || HasMade(path)) return;
    const SplitPath place = SplitEntryPath(path);
    tar->File(StrCat(place.parent, place.parent.empty() ? "" : "/", ".wh.", place.name), "");
    Erase(path);
    made_.insert(path);
  }

  std::mt19937 random_;
  std::map<std::string, char> tree_;   // 'd', 'f' or 'l'
  std::map<std::string, char> lower_;  // before this layer
  std::set<std::string> made_;         // by this layer
};

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
  std::string tree = DescribeTree(place.target, {.folder_times = false, .links = false});
  RETURN_IF_ERROR(UnmountRootfs(place.target));
  return tree;
}

TEST(LayersDifferentialTest, ShowTheTreeUmociMakes) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: mounts overlays";
  if (access("/usr/bin/umoci", X_OK) != 0) GTEST_SKIP() << "needs umoci";
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    auto folder = TemporaryDirectory::Create("layers");
    ASSERT_TRUE(folder.ok());
    Generator generator(seed);
    std::vector<Bytes> tars;
    for (int i = 0; i < 5; ++i) tars.push_back(generator.Layer());
    const std::string layout = folder->path() + "/layout";
    ASSERT_TRUE(WriteLayout(layout, tars).ok());
    SubprocessOptions umoci;
    umoci.argv = {"umoci", "unpack", "--image", layout + ":1", folder->path() + "/bundle"};
    auto result = RunCommand(umoci);
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_EQ(result->exit.code, 0) << result->err;
    auto ours = OurTree(folder->path(), tars);
    ASSERT_TRUE(ours.ok()) << ours.status();
    auto without_root = [](const std::string& text) { return text.substr(text.find('\n')); };
    ASSERT_EQ(without_root(*ours),
              without_root(DescribeTree(folder->path() + "/bundle/rootfs",
                                        {.folder_times = false, .links = false})));
  }
}

}  // namespace
}  // namespace nacre::image
