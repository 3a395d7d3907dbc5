// Layers that change each other, written from lists of numbers: any list gives layers that are
// right, so that a test may make up lists and take parts of them away.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace nacre::image::testing {

// One change. Each number is taken modulo what there is to choose from.
struct LayerStep {
  uint32_t kind = 0;    // file, folder, deletion and so on
  uint32_t folder = 0;  // of the image so far
  uint32_t name = 0;    // in that folder
  uint32_t target = 0;  // of a hard link: a file of the image so far
  uint32_t dress = 0;   // owner, mode, time, content, attributes
};
using LayerScript = std::vector<std::vector<LayerStep>>;

struct ScriptedLayers {
  std::vector<Bytes> tars;  // bottom first
  std::string text;         // what is in them, a line an entry
};

// A step that would change nothing, or mean something only by its place in the archive, is left
// out.
ScriptedLayers WriteLayers(const LayerScript& script);

}  // namespace nacre::image::testing
