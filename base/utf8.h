// Well-formed UTF-8 (Unicode 15, table 3-7).
#pragma once

#include <string_view>

namespace nacre {

// Bytes of the sequence `text` starts with, 1 to 4; 0 if it starts with none.
size_t Utf8Size(std::string_view text);
bool IsUtf8(std::string_view text);

}  // namespace nacre
