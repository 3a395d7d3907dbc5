// GUIDs as firmware tables, the GHCB and UEFI store them: the first three groups little-endian.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace nacre::tee {

using Guid = std::array<uint8_t, 16>;

// From "96b582de-1fb2-45f7-baea-a366c55a082d"; compile-time only, so a typing slip does not build.
consteval Guid MakeGuid(std::string_view text) {
  constexpr int kOrder[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
  Guid out{};
  size_t digits = 0;
  for (char c : text) {
    if (c == '-') continue;
    const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : throw;
    uint8_t& byte = out[kOrder[digits / 2]];
    byte = static_cast<uint8_t>(byte << 4 | value);
    ++digits;
  }
  if (digits != 32) throw;
  return out;
}

}  // namespace nacre::tee
