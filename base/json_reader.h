// The reader behind ParseJson, and a variant of it for messages of peers that write bytes as lists
// of numbers.
#pragma once

#include <string_view>

#include "base/json.h"

namespace nacre {

// A list of at least so many numbers, each of 0 to 255, is bytes to ParseJsonWithBytes.
inline constexpr size_t kMinByteList = 16;

// As ParseJson, but such lists become binary values (Json::is_binary(), get_binary()): one byte for
// each number instead of a value of its own. No other JSON gives binary values.
absl::StatusOr<Json> ParseJsonWithBytes(std::string_view text, const JsonLimits& limits = {});

// With every binary value as the list of numbers it was read from.
Json ListBytes(Json value);

// For json.cc: one document without limits of size. The errors are ParseJson's.
absl::StatusOr<Json> ReadJson(std::string_view text, int max_depth, bool with_bytes);

}  // namespace nacre
