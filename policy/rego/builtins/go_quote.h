// Text in double quotes as Go's %q writes it: \n, \t, \x00, \u200b; what is not UTF-8 as \xNN.
#pragma once

#include <string>
#include <string_view>

namespace nacre::rego {

// `ascii`: characters past ASCII as escapes, too (%+q).
std::string GoQuote(std::string_view text, bool ascii = false);
// One character in single quotes (%q of a number).
std::string GoQuoteRune(char32_t rune, bool ascii = false);

}  // namespace nacre::rego
