#include "attestation/reference/reference_json.h"

#include "absl/time/time.h"
#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::attestation {

absl::StatusOr<Bytes> ReferenceHex(const Json& object, std::string_view key, size_t size,
                                   std::string_view where) {
  ASSIGN_OR_RETURN(const std::string text, JsonString(object, key, where));
  ASSIGN_OR_RETURN(Bytes bytes, HexDecode(text), StrCat(where, ": ", key));
  if (bytes.size() != size) {
    return absl::InvalidArgumentError(
        StrCat(where, ": ", key, " is ", bytes.size(), " bytes, not ", size));
  }
  return bytes;
}

absl::StatusOr<int64_t> ReferenceTime(const Json& object, std::string_view key,
                                      std::string_view where) {
  ASSIGN_OR_RETURN(const std::string text, JsonString(object, key, where));
  absl::Time time;
  std::string error;
  if (!absl::ParseTime("%Y-%m-%dT%H:%M:%SZ", text, &time, &error)) {
    return absl::InvalidArgumentError(
        StrCat(where, ": ", key, " '", text, "' is not a time such as 2026-11-22T05:00:00Z"));
  }
  return absl::ToUnixSeconds(time);
}

absl::StatusOr<std::optional<int64_t>> OptionalReferenceTime(const Json& object,
                                                             std::string_view key,
                                                             std::string_view where) {
  if (!object.contains(std::string(key))) return std::optional<int64_t>();
  ASSIGN_OR_RETURN(const int64_t time, ReferenceTime(object, key, where));
  return std::optional<int64_t>(time);
}

}  // namespace nacre::attestation
