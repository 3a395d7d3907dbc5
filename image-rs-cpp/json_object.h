// Documents that are one JSON object of a bounded size: nearly all that images are described by.
#pragma once

#include <string_view>

#include "base/json.h"

namespace nacre::image {

// kInvalidArgument beginning with `what`: longer or deeper than `limits`, no JSON, no object.
absl::StatusOr<Json> ParseJsonObject(std::string_view text, std::string_view what,
                                     const JsonLimits& limits);

}  // namespace nacre::image
