// Intel's signed collateral: {"<name>": {...}, "signature": "<hex>"}. The signature (ECDSA P-256,
// raw r || s) is over the inner object's text as it stands, byte for byte, so that text is cut out
// of the document, never written again.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/json.h"
#include "crypto/key.h"

namespace nacre::tee::tdx {

inline constexpr size_t kMaxCollateralSize = 1 << 20;

struct SignedJson {
  std::string_view signed_text;  // views the document
  Json body;                     // what it says
  Bytes signature;               // 64 bytes
};

// `name` is "tcbInfo" or "enclaveIdentity". kInvalidArgument (class kFormat) unless `document` is
// strict JSON of exactly these two members.
absl::StatusOr<SignedJson> ParseSignedJson(std::string_view document, std::string_view name);

// The value of a member of a JSON object, as its text stands there; empty when there is none.
// `object` must be valid JSON. Keys are compared as written, without unescaping.
std::string_view MemberText(std::string_view object, std::string_view key);

// "2026-03-16T22:06:09Z" as seconds since 1970.
absl::StatusOr<int64_t> ParseCollateralTime(std::string_view text);

absl::StatusOr<Bytes> JsonHexBytes(const Json& object, std::string_view key, size_t size,
                                   std::string_view where);
// Exactly N bytes of hex, in either case.
template <size_t N>
absl::StatusOr<std::array<uint8_t, N>> JsonHex(const Json& object, std::string_view key,
                                               std::string_view where) {
  ASSIGN_OR_RETURN(const Bytes bytes, JsonHexBytes(object, key, N, where));
  std::array<uint8_t, N> out;
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}
// A number up to `max`.
absl::StatusOr<uint32_t> JsonNumber(const Json& object, std::string_view key, uint32_t max,
                                    std::string_view where);

}  // namespace nacre::tee::tdx
