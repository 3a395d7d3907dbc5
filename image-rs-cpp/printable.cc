#include "image-rs-cpp/printable.h"

#include "absl/strings/ascii.h"
#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::image {

std::string Printable(std::string_view text, size_t max_length) {
  std::string out;
  for (char c : text.substr(0, max_length)) {
    if (absl::ascii_isprint(static_cast<unsigned char>(c)) && c != '\\') {
      out += c;
    } else {
      StrAppend(&out, "\\x", HexEncode(AsBytes({&c, 1})));
    }
  }
  if (text.size() > max_length) out += "...";
  return out;
}

}  // namespace nacre::image
