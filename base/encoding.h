// Text encodings of bytes. Decoders are strict: wrong alphabet, length, padding or non-zero
// trailing bits are errors.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace nacre {

std::string HexEncode(ByteView bytes);                   // lower case
absl::StatusOr<Bytes> HexDecode(std::string_view text);  // either case, even length

std::string Base64Encode(ByteView bytes);                   // RFC 4648 section 4, padded
absl::StatusOr<Bytes> Base64Decode(std::string_view text);  // padding required

std::string Base64UrlEncode(ByteView bytes);                   // RFC 4648 section 5, no padding
absl::StatusOr<Bytes> Base64UrlDecode(std::string_view text);  // padding refused

}  // namespace nacre
