// Names out of an image, made safe to show: cut short, control and non-ASCII bytes as "\x1b".
#pragma once

#include <string>
#include <string_view>

namespace nacre::image {

std::string Printable(std::string_view text, size_t max_length = 200);

}  // namespace nacre::image
