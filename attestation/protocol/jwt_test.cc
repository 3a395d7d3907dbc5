#include "attestation/protocol/jwt.h"

#include <gtest/gtest.h>

#include "crypto/jws.h"

namespace nacre::attestation {
namespace {

constexpr int64_t kNow = 1'800'000'000;

crypto::PrivateKey NewKey(crypto::Curve curve = crypto::Curve::kP256) {
  return *crypto::PrivateKey::GenerateEc(curve);
}

std::string Sign(const crypto::PrivateKey& key, const Json& claims) {
  return *crypto::JwsSign(key, crypto::JwsAlgorithm::kEs256, Json::object(),
                          AsBytes(*DumpJson(claims)));
}

TEST(Jwt, SignatureIssuerAndTimeMustBeRight) {
  auto key = NewKey();
  auto verify = [&](const Json& claims) {
    return VerifyJwt(Sign(key, claims), key.public_key(), "us", kNow).status();
  };
  EXPECT_TRUE(verify({{"iss", "us"}, {"exp", kNow + 1}}).ok());
  EXPECT_TRUE(verify({{"iss", "us"}, {"exp", kNow + 1}, {"nbf", kNow + kClockLeewayS}}).ok());
  for (const Json& bad :
       {Json{{"iss", "them"}, {"exp", kNow + 1}}, Json{{"exp", kNow + 1}},
        Json{{"iss", "us"}, {"exp", kNow}}, Json{{"iss", "us"}},
        Json{{"iss", "us"}, {"exp", "soon"}}, Json{{"iss", "us"}, {"exp", -1}},
        Json{{"iss", "us"}, {"exp", kNow + 1}, {"nbf", kNow + kClockLeewayS + 1}}, Json::array()}) {
    EXPECT_TRUE(absl::IsUnauthenticated(verify(bad))) << bad;
  }
}

TEST(Jwt, AnotherKeyOrAChangedByteIsRefused) {
  auto key = NewKey();
  std::string token = Sign(key, {{"iss", "us"}, {"exp", kNow + 1}});
  EXPECT_FALSE(VerifyJwt(token, NewKey().public_key(), "us", kNow).ok());
  for (size_t i = 0; i < token.size(); i += 7) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(VerifyJwt(changed, key.public_key(), "us", kNow).ok()) << i;
  }
  EXPECT_FALSE(VerifyJwt("", key.public_key(), "us", kNow).ok());
  EXPECT_FALSE(VerifyJwt(std::string(kMaxTokenSize + 1, 'a'), key.public_key(), "us", kNow).ok());
}

TEST(Jwt, HolderReadsTheExpiry) {
  auto key = NewKey();
  EXPECT_EQ(*UnverifiedExpiry(Sign(key, {{"exp", kNow}})), kNow);
  EXPECT_EQ(*UnverifiedExpiry(Sign(key, {{"exp", UINT64_MAX}})), INT64_MAX);
  EXPECT_TRUE(absl::IsNotFound(UnverifiedExpiry(Sign(key, {{"a", 1}})).status()));
  EXPECT_FALSE(UnverifiedExpiry("x.y.z").ok());
}

TEST(AdminToken, IsForAnHourAtMost) {
  auto key = NewKey();
  auto check = [&](int64_t lifetime_s) {
    return VerifyAdminToken(*SignAdminToken(key, kAdminIssuer, kNow, lifetime_s), key.public_key(),
                            kAdminIssuer, kNow);
  };
  EXPECT_TRUE(check(60).ok());
  EXPECT_TRUE(check(kMaxAdminLifetimeS + kClockLeewayS).ok());
  EXPECT_TRUE(absl::IsPermissionDenied(check(kMaxAdminLifetimeS + kClockLeewayS + 1)));
  EXPECT_TRUE(absl::IsUnauthenticated(check(0)));
}

TEST(AdminToken, OtherRolesAndAudiencesDoNot) {
  auto key = NewKey();
  auto check = [&](const Json& claims) {
    return VerifyAdminToken(Sign(key, claims), key.public_key(), kAdminIssuer, kNow);
  };
  Json good = {
      {"iss", kAdminIssuer}, {"aud", kAdminAudience}, {"role", kAdminRole}, {"exp", kNow + 9}};
  EXPECT_TRUE(check(good).ok());
  for (const char* member : {"aud", "role"}) {
    Json bad = good;
    bad[member] = "other";
    EXPECT_TRUE(absl::IsPermissionDenied(check(bad))) << member;
    bad.erase(member);
    EXPECT_TRUE(absl::IsPermissionDenied(check(bad))) << member;
  }
}

TEST(BearerToken, IsWhatFollowsTheScheme) {
  EXPECT_EQ(BearerToken("Bearer a.b.c"), "a.b.c");
  EXPECT_EQ(BearerToken("Basic abc"), "");
  EXPECT_EQ(BearerToken("Bearer"), "");
  EXPECT_EQ(BearerToken(""), "");
}

}  // namespace
}  // namespace nacre::attestation
