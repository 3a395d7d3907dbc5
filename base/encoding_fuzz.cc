// Base64, base64url and hex: decoders are strict, so text that decodes is the only text for its
// bytes (hex: but for the case of its letters).
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "base/encoding.h"
#include "base/fuzz_testing.h"

namespace nacre {
namespace {

void Try(ByteView data) {
  std::string text(AsText(data));
  absl::StatusOr<Bytes> base64 = Base64Decode(text);
  if (base64.ok() && Base64Encode(*base64) != text) std::abort();
  absl::StatusOr<Bytes> base64url = Base64UrlDecode(text);
  if (base64url.ok() && Base64UrlEncode(*base64url) != text) std::abort();
  absl::StatusOr<Bytes> hex = HexDecode(text);
  if (hex.ok() && HexEncode(*hex) != absl::AsciiStrToLower(text)) std::abort();
  if (*HexDecode(HexEncode(data)) != ToBytes(data)) std::abort();
  if (*Base64Decode(Base64Encode(data)) != ToBytes(data)) std::abort();
}

std::vector<std::string> Seeds() {
  return {"", "Zg==", "Zm8=", "Zm9vYmFy", "-_-_", "+/+/", "00ffAB", "Zm9vYg"};
}

NACRE_FUZZ_TARGET(Encoding, Try, Seeds)

}  // namespace
}  // namespace nacre
