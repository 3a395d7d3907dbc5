#include "crypto/jwk.h"

#include "base/encoding.h"
#include "base/status_testing.h"
#include "crypto/keys_testing.h"

namespace nacre::crypto {
namespace {

// RFC 7517 appendix A.2, first key.
const char kEcJwk[] = R"({"kty":"EC","crv":"P-256",
  "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
  "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
  "d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE","use":"enc","kid":"1"})";

// RFC 7638 section 3.1.
const char kRsaJwk[] =
    R"({"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7)"
    R"(aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0)"
    R"(h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD0)"
    R"(8qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJ)"
    R"(zKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"})";

Json Parsed(std::string_view text) { return *ParseJson(text); }

TEST(JwkTest, ThumbprintOfTheRfc) {
  ASSERT_OK_AND_ASSIGN(PublicKey key, PublicKeyFromJwk(Parsed(kRsaJwk)));
  EXPECT_EQ(*JwkThumbprint(key), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

TEST(JwkTest, PublicRoundTrips) {
  const PrivateKey* keys[] = {&EcKey(Curve::kP256), &EcKey(Curve::kP384), &EcKey(Curve::kP521),
                              &RsaKey()};
  for (const PrivateKey* key : keys) {
    ASSERT_OK_AND_ASSIGN(Json jwk, PublicKeyToJwk(key->public_key()));
    EXPECT_EQ(*PublicKeyFromJwk(jwk), key->public_key());
    EXPECT_FALSE(jwk.contains("d"));
  }
}

TEST(JwkTest, PrivateEcKeyOfTheRfc) {
  ASSERT_OK_AND_ASSIGN(PrivateKey key, PrivateKeyFromJwk(Parsed(kEcJwk)));
  Json jwk = Parsed(kEcJwk);
  jwk.erase("d");
  EXPECT_EQ(*PublicKeyFromJwk(jwk), key.public_key());
  ASSERT_OK_AND_ASSIGN(Bytes signature, key.SignEcdsa(HashAlgorithm::kSha256, AsBytes("x")));
  EXPECT_OK(key.public_key().VerifyEcdsa(HashAlgorithm::kSha256, AsBytes("x"), signature));
}

TEST(JwkTest, PrivatePartWhereAPublicKeyIsWanted) {
  EXPECT_STATUS(PublicKeyFromJwk(Parsed(kEcJwk)), kInvalidArgument, "'d' is private");
}

TEST(JwkTest, PrivateAndPublicPartMustBelongTogether) {
  Json jwk = Parsed(kEcJwk);
  jwk["d"] = Base64UrlEncode(Bytes(32, 7));
  EXPECT_STATUS(PrivateKeyFromJwk(jwk), kInvalidArgument, "JWK");
  jwk["d"] = Base64UrlEncode(Bytes(31, 7));
  EXPECT_STATUS(PrivateKeyFromJwk(jwk), kInvalidArgument, "as wide as the curve");
  jwk["d"] = Base64UrlEncode(Bytes(32, 0xff));  // past the order of the curve
  EXPECT_STATUS(PrivateKeyFromJwk(jwk), kInvalidArgument, "JWK");
  jwk.erase("d");
  EXPECT_STATUS(PrivateKeyFromJwk(jwk), kInvalidArgument, "'d' is missing");
}

TEST(JwkTest, EcMembersAreStrict) {
  Json good = *PublicKeyToJwk(EcKey(Curve::kP256).public_key());
  auto with = [&good](const char* member, Json value) {
    Json jwk = good;
    jwk[member] = std::move(value);
    return PublicKeyFromJwk(jwk);
  };
  EXPECT_STATUS(with("kty", "oct"), kInvalidArgument, "kty 'oct'");
  EXPECT_STATUS(with("kty", 1), kInvalidArgument, "'kty' must be a string");
  EXPECT_STATUS(with("crv", "P-384"), kInvalidArgument, "P-384 must have 48 bytes");
  EXPECT_STATUS(with("crv", "secp256k1"), kInvalidArgument, "secp256k1");
  EXPECT_STATUS(with("x", good["y"]), kInvalidArgument, "JWK");
  EXPECT_STATUS(with("x", good["x"].get<std::string>() + "="), kInvalidArgument, "'x'");
  EXPECT_STATUS(with("x", Base64UrlEncode(Bytes(31))), kInvalidArgument, "must have 32 bytes");
  EXPECT_STATUS(with("x", Base64UrlEncode(Bytes(33))), kInvalidArgument, "must have 32 bytes");
  for (const char* member : {"kty", "crv", "x", "y"}) {
    Json jwk = good;
    jwk.erase(member);
    EXPECT_STATUS(PublicKeyFromJwk(jwk), kInvalidArgument, "is missing") << member;
  }
  EXPECT_STATUS(PublicKeyFromJwk(Json::array()), kInvalidArgument, "must be an object");
}

TEST(JwkTest, RsaMembersAreStrict) {
  Json good = *PublicKeyToJwk(RsaKey().public_key());
  auto with = [&good](const char* member, Json value) {
    Json jwk = good;
    jwk[member] = std::move(value);
    return PublicKeyFromJwk(jwk);
  };
  Bytes padded = *Base64UrlDecode(good["n"].get<std::string>());
  padded.insert(padded.begin(), 0);
  EXPECT_STATUS(with("n", Base64UrlEncode(padded)), kInvalidArgument, "starts with a zero byte");
  EXPECT_STATUS(with("n", ""), kInvalidArgument, "'n' is empty");
  EXPECT_STATUS(with("n", Base64UrlEncode(Bytes(64, 0xff))), kInvalidArgument, "RSA of 512 bits");
  EXPECT_STATUS(with("n", Base64UrlEncode(Bytes(1025, 0xff))), kInvalidArgument, "too long");
  EXPECT_STATUS(with("e", "AQ"), kInvalidArgument, "not acceptable");
  EXPECT_STATUS(with("d", "AQAB"), kInvalidArgument, "'d' is private");
}

}  // namespace
}  // namespace nacre::crypto
