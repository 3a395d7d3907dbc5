#include "tee/common/hex_number.h"

#include <charconv>

#include "base/strings.h"

namespace nacre::tee {

std::string FormatHexNumber(uint64_t value) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, 16);
  return StrCat("0x", std::string_view(digits, static_cast<size_t>(end.ptr - digits)));
}

absl::StatusOr<uint64_t> ParseHexNumber(std::string_view text, std::string_view what) {
  uint64_t value = 0;
  const std::string_view digits = text.starts_with("0x") ? text.substr(2) : std::string_view();
  const char* end = digits.data() + digits.size();
  const auto result = std::from_chars(digits.data(), end, value, 16);
  if (digits.empty() || digits[0] == '-' || result.ec != std::errc() || result.ptr != end) {
    return absl::InvalidArgumentError(StrCat(what, ": '", text, "' is not a number in 0x form"));
  }
  return value;
}

}  // namespace nacre::tee
