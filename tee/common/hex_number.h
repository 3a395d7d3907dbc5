// Numbers in "0x..." form, as documents and command lines spell bit fields.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace nacre::tee {

std::string FormatHexNumber(uint64_t value);  // "0x21"
// "0x" and 1 to 16 digits of either case; anything else is kInvalidArgument naming `what`.
absl::StatusOr<uint64_t> ParseHexNumber(std::string_view text, std::string_view what);

}  // namespace nacre::tee
