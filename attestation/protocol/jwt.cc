#include "attestation/protocol/jwt.h"

#include <algorithm>

#include "crypto/jws.h"

namespace nacre::attestation {
namespace {

absl::Status Unauthenticated(std::string_view why) {
  return absl::UnauthenticatedError("token " + std::string(why));
}

absl::StatusOr<Json> ParseClaims(ByteView payload) {
  auto claims = ParseJson(AsText(payload), {.max_size = kMaxTokenSize, .max_depth = 16});
  if (!claims.ok() || !claims->is_object()) return Unauthenticated("holds no claims");
  return claims;
}

absl::Status CheckTimes(const Json& claims, int64_t now) {
  auto expires = JsonUint(claims, "exp", "token");
  if (!expires.ok()) return Unauthenticated("has no expiry");
  if (*expires <= static_cast<uint64_t>(now)) return Unauthenticated("has expired");
  if (!claims.contains("nbf")) return absl::OkStatus();
  auto not_before = JsonUint(claims, "nbf", "token");
  if (!not_before.ok() || *not_before > static_cast<uint64_t>(now + kClockLeewayS)) {
    return Unauthenticated("is not valid yet");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Json> VerifyJwt(std::string_view token, const crypto::PublicKey& key,
                               std::string_view issuer, int64_t now) {
  if (token.size() > kMaxTokenSize) return Unauthenticated("is too long");
  const auto curve = key.curve();
  const bool p384 = curve.ok() && *curve == crypto::Curve::kP384;
  auto jws = crypto::JwsVerify(token, key,
                               p384 ? crypto::JwsAlgorithm::kEs384 : crypto::JwsAlgorithm::kEs256);
  if (!jws.ok()) return Unauthenticated("has no valid signature");
  ASSIGN_OR_RETURN(Json claims, ParseClaims(jws->payload));
  auto claimed_issuer = JsonString(claims, "iss", "token");
  if (!claimed_issuer.ok() || *claimed_issuer != issuer) {
    return Unauthenticated("has another issuer");
  }
  RETURN_IF_ERROR(CheckTimes(claims, now));
  return claims;
}

absl::StatusOr<int64_t> UnverifiedExpiry(std::string_view token) {
  if (token.size() > kMaxTokenSize) return Unauthenticated("is too long");
  ASSIGN_OR_RETURN(crypto::Jws jws, crypto::ParseUnverifiedJws(token));
  ASSIGN_OR_RETURN(Json claims, ParseClaims(jws.payload));
  if (!claims.contains("exp")) return absl::NotFoundError("token has no expiry");
  ASSIGN_OR_RETURN(uint64_t expires, JsonUint(claims, "exp", "token"));
  return static_cast<int64_t>(std::min<uint64_t>(expires, INT64_MAX));
}

absl::StatusOr<std::string> SignAdminToken(const crypto::PrivateKey& key, std::string_view issuer,
                                           int64_t now, int64_t lifetime_s) {
  ASSIGN_OR_RETURN(std::string payload, DumpJson({{"iss", issuer},
                                                  {"aud", kAdminAudience},
                                                  {"role", kAdminRole},
                                                  {"iat", now},
                                                  {"exp", now + lifetime_s}}));
  return crypto::JwsSign(key, crypto::JwsAlgorithm::kEs256, {{"typ", "JWT"}}, AsBytes(payload));
}

absl::Status VerifyAdminToken(std::string_view token, const crypto::PublicKey& key,
                              std::string_view issuer, int64_t now) {
  ASSIGN_OR_RETURN(Json claims, VerifyJwt(token, key, issuer, now));
  auto audience = JsonString(claims, "aud", "token");
  auto role = JsonString(claims, "role", "token");
  if (!audience.ok() || *audience != kAdminAudience || !role.ok() || *role != kAdminRole) {
    return absl::PermissionDeniedError("token is for another audience or role");
  }
  ASSIGN_OR_RETURN(uint64_t expires, JsonUint(claims, "exp", "token"));
  if (expires > static_cast<uint64_t>(now + kMaxAdminLifetimeS + kClockLeewayS)) {
    return absl::PermissionDeniedError("token is valid for longer than an hour");
  }
  return absl::OkStatus();
}

std::string_view BearerToken(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!authorization.starts_with(kScheme)) return {};
  return authorization.substr(kScheme.size());
}

}  // namespace nacre::attestation
