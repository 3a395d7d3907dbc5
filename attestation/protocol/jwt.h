// JSON Web Tokens (RFC 7519) signed with ES256, or ES384 by a P-384 key, as the broker and its
// owner make them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"
#include "crypto/key.h"

namespace nacre::attestation {

inline constexpr size_t kMaxTokenSize = 64 << 10;
// How far ahead of ours the clock of a token's maker may be.
inline constexpr int64_t kClockLeewayS = 30;

// The claims of a token whose signature, "iss", "exp" and, when present, "nbf" are right at `now`
// (Unix seconds). kUnauthenticated otherwise, saying which.
absl::StatusOr<Json> VerifyJwt(std::string_view token, const crypto::PublicKey& key,
                               std::string_view issuer, int64_t now);

// "exp" of a token that is NOT verified, for its holder, who only wants to know when to renew it.
// kNotFound when it has none.
absl::StatusOr<int64_t> UnverifiedExpiry(std::string_view token);

// Admin tokens: {"iss","aud":"nacre-kbs","role":"admin","iat","exp"}, short-lived, made by the
// holder of the admin key (`nacre kbs`).
inline constexpr std::string_view kAdminIssuer = "nacre-admin";
inline constexpr std::string_view kAdminAudience = "nacre-kbs";
inline constexpr std::string_view kAdminRole = "admin";
inline constexpr int64_t kMaxAdminLifetimeS = 3600;

absl::StatusOr<std::string> SignAdminToken(const crypto::PrivateKey& key, std::string_view issuer,
                                           int64_t now, int64_t lifetime_s);
// kUnauthenticated: no such token; kPermissionDenied: genuine, but for another role or audience, or
// valid for longer than kMaxAdminLifetimeS.
absl::Status VerifyAdminToken(std::string_view token, const crypto::PublicKey& key,
                              std::string_view issuer, int64_t now);

// The token of an "Authorization: Bearer ..." header, or "".
std::string_view BearerToken(std::string_view authorization);

}  // namespace nacre::attestation
