// X.500 distinguished names (RFC 5280 section 4.1.2.4) as they lie in a certificate: DER that is
// compared byte by byte. For the sources of this room.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace nacre::crypto {

// That `name` (with tag and length) is a Name whose values are strings of the types X.520 gives
// them and well-formed; kInvalidArgument naming `whose` otherwise. The functions below take only
// names that passed.
absl::Status CheckName(ByteView name, std::string_view whose);

// RFC 4514-like text for messages, the last part first: "CN=ARK-Milan,O=...". Bytes outside of
// printable ASCII as \XX; attributes without a short name as "1.2.3=#<hex of the value's DER>".
std::string NameText(ByteView name);

// The only CN as UTF-8; empty when there is none. kInvalidArgument for several and for one with a
// zero byte, with `whose` in the message.
absl::StatusOr<std::string> CommonName(ByteView name, std::string_view whose);

}  // namespace nacre::crypto
