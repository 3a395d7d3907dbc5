#include "crypto/jws.h"

#include "base/encoding.h"
#include "base/status_testing.h"
#include "crypto/jwk.h"
#include "crypto/keys_testing.h"

namespace nacre::crypto {
namespace {

// RFC 7515 appendix A.3.
const char kRfcKey[] = R"({"kty":"EC","crv":"P-256",
  "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
  "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";
const char kRfcJws[] =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv"
    "bS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfK"
    "TUJqPP3-Kg6NU1Q";

const PrivateKey& Key() { return EcKey(Curve::kP256); }

std::string WithHeader(std::string_view header) {
  std::string text = StrCat(Base64UrlEncode(AsBytes(header)), ".", Base64UrlEncode(AsBytes("{}")));
  Bytes signature = *Key().SignEcdsa(HashAlgorithm::kSha256, AsBytes(text));
  return StrCat(text, ".", Base64UrlEncode(signature));
}

absl::StatusOr<Jws> Verify(std::string_view text) {
  return JwsVerify(text, Key().public_key(), JwsAlgorithm::kEs256);
}

TEST(JwsTest, VerifiesTheExampleOfTheRfc) {
  ASSERT_OK_AND_ASSIGN(PublicKey key, PublicKeyFromJwk(*ParseJson(kRfcKey)));
  ASSERT_OK_AND_ASSIGN(Jws jws, JwsVerify(kRfcJws, key, JwsAlgorithm::kEs256));
  EXPECT_EQ(*DumpJson(jws.header), R"({"alg":"ES256"})");
  EXPECT_EQ(AsText(jws.payload),
            "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}");
}

TEST(JwsTest, SignsWhatItVerifies) {
  for (auto [algorithm, curve] : {std::pair(JwsAlgorithm::kEs256, Curve::kP256),
                                  std::pair(JwsAlgorithm::kEs384, Curve::kP384)}) {
    const PrivateKey& key = EcKey(curve);
    ASSERT_OK_AND_ASSIGN(std::string text,
                         JwsSign(key, algorithm, {{"kid", "k"}, {"typ", "JWT"}}, AsBytes("body")));
    ASSERT_OK_AND_ASSIGN(Jws jws, JwsVerify(text, key.public_key(), algorithm));
    EXPECT_EQ(jws.header["kid"], "k");
    EXPECT_EQ(jws.header["alg"], std::string(JwsAlgorithmName(algorithm)));
    EXPECT_EQ(AsText(jws.payload), "body");
    ASSERT_OK_AND_ASSIGN(Jws unverified, ParseUnverifiedJws(text));
    EXPECT_EQ(unverified.header, jws.header);
  }
}

TEST(JwsTest, AnyChangedCharacterIsRefused) {
  ASSERT_OK_AND_ASSIGN(std::string text,
                       JwsSign(Key(), JwsAlgorithm::kEs256, Json::object(), AsBytes("{}")));
  ASSERT_OK(Verify(text));
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(Verify(changed).ok()) << "character " << i;
  }
}

TEST(JwsTest, AlgorithmIsThePinnedOne) {
  EXPECT_OK(Verify(WithHeader(R"({"alg":"ES256"})")));
  for (const char* header : {R"({"alg":"none"})", R"({"alg":"HS256"})", R"({"alg":"ES384"})",
                             R"({"alg":"es256"})", R"({"alg":""})"}) {
    EXPECT_STATUS(Verify(WithHeader(header)), kUnauthenticated, "not the expected ES256") << header;
  }
  EXPECT_STATUS(Verify(WithHeader("{}")), kInvalidArgument, "'alg' is missing");
  EXPECT_STATUS(Verify(WithHeader(R"({"alg":["ES256"]})")), kInvalidArgument, "must be a string");
  EXPECT_STATUS(Verify(WithHeader(R"({"alg":"none","alg":"ES256"})")), kInvalidArgument,
                "duplicate key");
}

TEST(JwsTest, NoneWithoutSignatureIsRefused) {
  std::string text = StrCat(Base64UrlEncode(AsBytes(R"({"alg":"none"})")), ".e30.");
  EXPECT_STATUS(Verify(text), kUnauthenticated, "not the expected");
  text = StrCat(Base64UrlEncode(AsBytes(R"({"alg":"ES256"})")), ".e30.");
  EXPECT_STATUS(Verify(text), kUnauthenticated, "signature of 0 bytes");
}

TEST(JwsTest, HeaderMembersThatChangeMeaningAreRefused) {
  EXPECT_STATUS(Verify(WithHeader(R"({"alg":"ES256","crit":["b64"]})")), kInvalidArgument,
                "'crit' is refused");
  EXPECT_STATUS(Verify(WithHeader(R"({"alg":"ES256","b64":false})")), kInvalidArgument,
                "'b64' is refused");
  EXPECT_STATUS(Verify(WithHeader(R"(["ES256"])")), kInvalidArgument, "not an object");
  EXPECT_STATUS(JwsSign(Key(), JwsAlgorithm::kEs256, {{"crit", Json::array()}}, {}),
                kInvalidArgument, "'crit' is refused");
  EXPECT_STATUS(JwsSign(Key(), JwsAlgorithm::kEs256, {{"alg", "none"}}, {}), kInvalidArgument,
                "another alg");
  EXPECT_OK(JwsSign(Key(), JwsAlgorithm::kEs256, {{"alg", "ES256"}}, {}));
}

TEST(JwsTest, KeyMustFitTheAlgorithm) {
  EXPECT_STATUS(JwsSign(EcKey(Curve::kP384), JwsAlgorithm::kEs256, Json::object(), {}),
                kInvalidArgument, "ES256 needs a key on P-256");
  EXPECT_STATUS(JwsVerify(kRfcJws, EcKey(Curve::kP256).public_key(), JwsAlgorithm::kEs384),
                kInvalidArgument, "ES384 needs a key on P-384");
  EXPECT_STATUS(JwsVerify(kRfcJws, RsaKey().public_key(), JwsAlgorithm::kEs256), kInvalidArgument,
                "needs a key on");
}

TEST(JwsTest, ShapeIsStrict) {
  for (const char* bad : {"", ".", "..", "...", "a.b", "a.b.c.d", "e30.e30", " e30.e30.e30"}) {
    EXPECT_STATUS(Verify(bad), kInvalidArgument, "JWS") << bad;
  }
  std::string padded = StrCat(kRfcJws, "=");
  EXPECT_STATUS(Verify(padded), kInvalidArgument, "signature");
}

TEST(JwsTest, SizeAtAndAboveTheLimit) {
  ASSERT_OK_AND_ASSIGN(std::string small,
                       JwsSign(Key(), JwsAlgorithm::kEs256, Json::object(), Bytes(3)));
  size_t room = (kMaxJwsSize - small.size()) / 4 * 3;
  EXPECT_OK(Verify(*JwsSign(Key(), JwsAlgorithm::kEs256, Json::object(), Bytes(3 + room))));
  EXPECT_STATUS(Verify(std::string(kMaxJwsSize + 1, 'A')), kInvalidArgument, "the limit is");
}

}  // namespace
}  // namespace nacre::crypto
