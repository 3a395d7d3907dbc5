// Members that reference documents of every kind share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/json.h"

namespace nacre::attestation {

inline constexpr size_t kMaxReferenceName = 256;

// Hex of exactly `size` bytes.
absl::StatusOr<Bytes> ReferenceHex(const Json& object, std::string_view key, size_t size,
                                   std::string_view where);
// "2026-11-22T05:00:00Z" as seconds since 1970.
absl::StatusOr<int64_t> ReferenceTime(const Json& object, std::string_view key,
                                      std::string_view where);
absl::StatusOr<std::optional<int64_t>> OptionalReferenceTime(const Json& object,
                                                             std::string_view key,
                                                             std::string_view where);

}  // namespace nacre::attestation
