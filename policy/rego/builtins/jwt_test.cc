// Tokens we sign we verify; another key, algorithm, audience or time is refused.
#include <gtest/gtest.h>

#include "base/strings.h"
#include "policy/rego/builtins/builtins_testing.h"

namespace nacre::rego {
namespace {

// Keys of RFC 7515 (A.3) and RFC 8037 (A.1), known to all the world.
constexpr char kEcPrivate[] =
    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",)"
    R"("d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"})";
constexpr char kEcPublic[] =
    R"({\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",)"
    R"(\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"})";
constexpr char kEdPrivate[] =
    R"({"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",)"
    R"("x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
constexpr char kEdPublic[] =
    R"({\"kty\":\"OKP\",\"crv\":\"Ed25519\",)"
    R"(\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"})";

// The token with its quotes.
std::string Sign(std::string_view algorithm, std::string_view claims, std::string_view key) {
  return Call("io.jwt.encode_sign",
              StrCat(R"([{"alg": ")", algorithm, R"("}, )", claims, ", ", key, "]"));
}

std::string Verify(std::string_view token, std::string_view constraints) {
  std::string out = Call("io.jwt.decode_verify", StrCat("[", token, ", ", constraints, "]"));
  return out.substr(0, out.find(','));
}

TEST(RegoJwt, SignedIsVerified) {
  std::string ec = Sign("ES256", R"({"iss": "joe"})", kEcPrivate);
  EXPECT_EQ(Call("io.jwt.verify_es256", StrCat("[", ec, ", \"", kEcPublic, "\"]")), "true");
  EXPECT_EQ(Call("io.jwt.verify_es384", StrCat("[", ec, ", \"", kEcPublic, "\"]")), "false");
  EXPECT_EQ(Call("io.jwt.verify_eddsa", StrCat("[", ec, ", \"", kEdPublic, "\"]")), "false");
  std::string ed = Sign("EdDSA", R"({"iss": "joe"})", kEdPrivate);
  EXPECT_EQ(Call("io.jwt.verify_eddsa", StrCat("[", ed, ", \"", kEdPublic, "\"]")), "true");
  EXPECT_EQ(Call("io.jwt.verify_es256", StrCat("[", ed, ", \"", kEcPublic, "\"]")), "false");
}

TEST(RegoJwt, APublicKeyIsNoSecret) {
  // Signed with HMAC, the secret being the text of the public key.
  std::string forged = Sign("HS256", R"({"iss": "joe"})", R"({"kty": "oct", "k": "AAAA"})");
  EXPECT_EQ(Verify(forged, StrCat(R"({"cert": ")", kEcPublic, "\"}")), "[false");
  std::string ec = Sign("ES256", R"({"iss": "joe"})", kEcPrivate);
  EXPECT_EQ(Verify(ec, R"({"secret": "x"})"), "[false");
}

TEST(RegoJwt, ClaimsAreChecked) {
  std::string cert = StrCat(R"({"cert": ")", kEcPublic, "\"");
  std::string token =
      Sign("ES256", R"({"iss": "joe", "aud": ["a", "b"], "exp": 200, "nbf": 100})", kEcPrivate);
  EXPECT_EQ(Verify(token, cert + R"(, "aud": "b", "iss": "joe", "time": 150000000000})"), "[true");
  EXPECT_EQ(Verify(token, cert + R"(, "aud": "b", "time": 100000000000})"), "[true");
  EXPECT_EQ(Verify(token, cert + R"(, "aud": "b", "time": 99999999999})"), "[false");
  EXPECT_EQ(Verify(token, cert + R"(, "aud": "b", "time": 200000000000})"), "[false");
  EXPECT_EQ(Verify(token, cert + R"(, "aud": "c", "time": 150000000000})"), "[false");
  EXPECT_EQ(Verify(token, cert + R"(, "time": 150000000000})"), "[false");
  EXPECT_EQ(Verify(token, cert + R"(, "aud": "b", "iss": "jim", "time": 150000000000})"), "[false");
  EXPECT_EQ(Verify(token, cert + R"(, "aud": "b", "alg": "RS256", "time": 150000000000})"),
            "[false");
}

TEST(RegoJwt, WhatIsNoTokenIsAnError) {
  EXPECT_EQ(CallText("io.jwt.decode", "abc"), "error: encoded JWT had no period separators");
  EXPECT_EQ(CallText("io.jwt.decode", "a.b"), "error: encoded JWT must have 3 sections, found 2");
  EXPECT_EQ(CallText("io.jwt.decode", "e30.W10.AA"), "error: decoded JSON type was not an Object");
  EXPECT_EQ(Verify(R"("a.b.c")", "{}"), "error: no key constraint");
  EXPECT_EQ(Verify(R"("a.b.c")", R"({"secret": "s", "foo": 1})"),
            "error: unknown token validation constraint: foo");
}

}  // namespace
}  // namespace nacre::rego
