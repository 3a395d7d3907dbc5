// umoci as the oracle: random layers that change each other must show the same tree through our
// overlay as umoci makes of them on one file system.
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "base/file.h"
#include "base/property_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/testing/file_volumes.h"
#include "image-rs-cpp/testing/layer_script.h"
#include "image-rs-cpp/testing/layered_tree.h"

namespace nacre::image {
namespace {

using testing::LayerScript;
using testing::LayerStep;
using testing::ScriptedLayers;

rc::Gen<LayerScript> Scripts() {
  // Of all sizes from the start: only lists are to grow.
  auto below = [](uint32_t end) {
    return rc::gen::resize(rc::kNominalSize, rc::gen::inRange<uint32_t>(0, end));
  };
  const auto number = below(1000);
  const auto step = rc::gen::build<LayerStep>(
      rc::gen::set(&LayerStep::kind, below(10)), rc::gen::set(&LayerStep::folder, number),
      rc::gen::set(&LayerStep::name, number), rc::gen::set(&LayerStep::target, number),
      rc::gen::set(&LayerStep::dress, number));
  const auto layer = rc::gen::resize(60, rc::gen::container<std::vector<LayerStep>>(step));
  return rc::gen::resize(12, rc::gen::container<LayerScript>(layer));
}

// As WriteLayers tells of them.
constexpr const char* kChanges[] = {"type 0", "type 2",    "type 5", "type 6",
                                    "delete", "hard link", "opaque"};

// Without the root, which an image need not name.
std::string BelowRoot(const std::string& tree) { return tree.substr(tree.find('\n')); }

TEST(LayersDifferentialTest, ShowTheTreeUmociMakes) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: mounts overlays";
  if (access("/usr/bin/umoci", X_OK) != 0) GTEST_SKIP() << "needs umoci";
  std::map<std::string, int> seen;
  CheckProperty(60, [&] {
    const ScriptedLayers layers = testing::WriteLayers(*Scripts());
    RC_LOG() << layers.text;
    for (const char* change : kChanges) {
      if (layers.text.find(change) != std::string::npos) ++seen[change];
    }
    auto folder = TemporaryDirectory::Create("layers");
    RC_ASSERT(folder.ok());
    auto theirs = testing::TreeByUmoci(folder->path(), layers.tars);
    if (!theirs.ok()) RC_FAIL(std::string(Message(theirs.status())));
    auto ours = testing::TreeThroughOverlay(folder->path(), layers.tars);
    if (!ours.ok()) RC_FAIL(std::string(Message(ours.status())));
    RC_ASSERT(BelowRoot(*ours) == BelowRoot(*theirs));
  });
  // Every kind of change has been tried.
  for (const char* change : kChanges) EXPECT_GT(seen[change], 10) << change;
}

TEST(LayersDifferentialTest, ShowTheSameTreeInVolumes) {
  if (const std::string why = testing::WhyNoVolumes(); !why.empty()) GTEST_SKIP() << why;
  CheckProperty(25, [&] {
    const ScriptedLayers layers = testing::WriteLayers(*Scripts());
    RC_LOG() << layers.text;
    auto folder = TemporaryDirectory::Create("layers");
    RC_ASSERT(folder.ok());
    testing::FileVolumes volumes(folder->path() + "/disk", 1 << 28);
    volumes.SkipTools();
    auto in_folders = testing::TreeThroughOverlay(folder->path(), layers.tars);
    if (!in_folders.ok()) RC_FAIL(std::string(Message(in_folders.status())));
    auto in_volumes = testing::TreeThroughOverlay(folder->path(), layers.tars, &volumes);
    if (!in_volumes.ok()) RC_FAIL(std::string(Message(in_volumes.status())));
    RC_ASSERT(*in_volumes == *in_folders);
    RC_ASSERT(volumes.count() == 0u);
  });
}

}  // namespace
}  // namespace nacre::image
