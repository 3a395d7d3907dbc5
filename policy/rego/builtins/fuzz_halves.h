// For fuzz targets that want two texts.
#pragma once

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/bytes.h"

namespace nacre::rego {

// The two halves of an input, cut at its first line end.
inline std::pair<std::string_view, std::string_view> Halves(ByteView data) {
  std::string_view text = AsText(data);
  size_t cut = std::min(text.find('\n'), text.size());
  return {text.substr(0, cut), text.substr(std::min(cut + 1, text.size()))};
}

}  // namespace nacre::rego
