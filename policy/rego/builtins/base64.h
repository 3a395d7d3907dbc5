// Base64 as Go's decoders take it: line ends are skipped, bits after the last byte are ignored, and
// the errors name the place.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace nacre::rego {

// Padded; kInvalidArgument "illegal base64 data at input byte 4".
absl::StatusOr<std::string> GoBase64Decode(std::string_view text);
// The URL alphabet; padding may be missing.
absl::StatusOr<std::string> GoBase64UrlDecode(std::string_view text);

std::string DescribeByte(char byte);  // U+0067 'g'

}  // namespace nacre::rego
