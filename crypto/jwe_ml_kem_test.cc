#include "base/encoding.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "crypto/jwe.h"
#include "crypto/jwk.h"
#include "crypto/keys_testing.h"
#include "crypto/ml_kem.h"

namespace nacre::crypto {
namespace {

constexpr char kName[] = "ML-KEM-768+A192KW";

MlKemPrivateKey Key(uint8_t fill = 5) {
  return *MlKemPrivateKey::FromSeed(Bytes(kMlKemSeedSize, fill));
}

std::string Encrypted(std::string_view text = "secret") {
  return *JweEncrypt(Key().public_key(), AsBytes(text));
}

absl::StatusOr<std::string> Decrypt(std::string_view jwe, const MlKemPrivateKey& key = Key()) {
  ASSIGN_OR_RETURN(const SecretBytes plaintext, JweDecrypt(jwe, key));
  return ToString(plaintext.view());
}

TEST(JweMlKem, GoesBothWays) {
  for (std::string_view text : {"", "x", "a longer secret of more than one block of bytes"}) {
    EXPECT_EQ(*Decrypt(Encrypted(text)), text);
  }
}

// As peers write it: "alg", "enc", then "ek" with the KEM's ciphertext.
TEST(JweMlKem, HeaderAndSizes) {
  const Json jwe = *ParseJson(Encrypted());
  EXPECT_OK(JsonOnlyMembers(jwe, {"protected", "encrypted_key", "iv", "ciphertext", "tag"}, "jwe"));
  const std::string header = ToString(*Base64UrlDecode(jwe["protected"].get<std::string>()));
  EXPECT_THAT(header,
              ::testing::StartsWith(R"({"alg":"ML-KEM-768+A192KW","enc":"A256GCM","ek":")"));
  EXPECT_EQ(Base64UrlDecode((*ParseJson(header))["ek"].get<std::string>())->size(),
            kMlKemCiphertextSize);
  EXPECT_EQ(Base64UrlDecode(jwe["encrypted_key"].get<std::string>())->size(), 40u);
}

// The wrapped key and the content come from another program's KMAC256, key wrap and GCM, over the
// shared secret that message 0x09... gives this key.
TEST(JweMlKem, OpensWhatAnotherProgramMade) {
  const Bytes ciphertext =
      Key().public_key().EncapsulateDeterministically(Bytes(kMlKemMessageSize, 9)).ciphertext;
  const std::string header = StrCat(R"({"alg":"ML-KEM-768+A192KW","enc":"A256GCM","ek":")",
                                    Base64UrlEncode(ciphertext), R"("})");
  const Json jwe = {{"protected", Base64UrlEncode(AsBytes(header))},
                    {"encrypted_key", "wj6kb4nv66yCvnvMIxYqeRCwV5SLvZAo6LitrOwJWQxUmpdlq1NJsg"},
                    {"iv", "AAAAAAAAAAAAAAAA"},
                    {"ciphertext", "Y93Ru5VJ785t38FQakk"},
                    {"tag", "Ap2zlw2gWt60y76X2Sty-Q"}};
  EXPECT_EQ(*Decrypt(*DumpJson(jwe)), "made elsewhere");
}

TEST(JweMlKem, OtherKeysDoNotOpenIt) {
  EXPECT_STATUS(Decrypt(Encrypted(), Key(6)), kUnauthenticated, "not for this key, or changed");
  EXPECT_STATUS(JweDecrypt(Encrypted(), EcKey(Curve::kP256), kImageJweAlgorithms), kInvalidArgument,
                "no recipient with an allowed algorithm");
  EXPECT_STATUS(JweDecrypt(*JweEncrypt(EcKey(Curve::kP256).public_key(),
                                       JweAlgorithm::kEcdhEsA256Kw, AsBytes("secret")),
                           Key()),
                kInvalidArgument, "no recipient with an allowed algorithm");
}

TEST(JweMlKem, OnlyItsOwnKeysFit) {
  for (const PublicKey& key : {EcKey(Curve::kP256).public_key(), RsaKey().public_key()}) {
    EXPECT_STATUS(JweEncrypt(key, JweAlgorithm::kMlKem768A192Kw, {}), kInvalidArgument,
                  "ML-KEM-768+A192KW does not fit the key");
  }
  EXPECT_STATUS(ParseJweAlgorithm(kName), kInvalidArgument, "not one that is offered");
}

TEST(JweMlKem, AnyChangedCharacterIsRefused) {
  const Json jwe = *ParseJson(Encrypted());
  for (const auto& item : jwe.items()) {
    const std::string value = item.value();
    for (size_t i = 0; i<value.size(); i += value.size()> 100 ? 31 : 1) {
      Json changed = jwe;
      std::string text = value;
      text[i] = text[i] == 'A' ? 'B' : 'A';
      changed[item.key()] = text;
      EXPECT_FALSE(Decrypt(*DumpJson(changed)).ok()) << item.key() << " character " << i;
    }
  }
}

TEST(JweMlKem, AHeaderWithoutAGoodCiphertextOpensNothing) {
  for (const char* header : {R"({"alg":"ML-KEM-768+A192KW","enc":"A256GCM"})",
                             R"({"alg":"ML-KEM-768+A192KW","enc":"A256GCM","ek":""})",
                             R"({"alg":"ML-KEM-768+A192KW","enc":"A256GCM","ek":"AAAA"})",
                             R"({"alg":"ML-KEM-768+A192KW","enc":"A256GCM","ek":7})"}) {
    Json jwe = *ParseJson(Encrypted());
    jwe["protected"] = Base64UrlEncode(AsBytes(header));
    EXPECT_STATUS(Decrypt(*DumpJson(jwe)), kUnauthenticated, "not for this key, or changed");
  }
}

TEST(JweMlKem, JwkGoesBothWays) {
  const Json jwk = MlKemPublicKeyToJwk(Key().public_key());
  EXPECT_OK(JsonOnlyMembers(jwk, {"kty", "alg", "pub"}, "jwk"));
  EXPECT_EQ(jwk["kty"], "AKP");
  EXPECT_EQ(jwk["alg"], kName);
  auto key = MlKemPublicKeyFromJwk(jwk);
  ASSERT_OK(key.status());
  EXPECT_EQ(ToBytes(key->bytes()), ToBytes(Key().public_key().bytes()));
}

TEST(JweMlKem, OtherJwksAreRefused) {
  const Json good = MlKemPublicKeyToJwk(Key().public_key());
  auto refused = [&](const char* member, Json value, std::string_view why) {
    Json jwk = good;
    jwk[member] = std::move(value);
    EXPECT_STATUS(MlKemPublicKeyFromJwk(jwk), kInvalidArgument, std::string(why)) << member;
  };
  refused("kty", "EC", "kty");
  refused("alg", "ML-KEM-1024+A256KW", "alg");
  refused("alg", nullptr, "alg");
  refused("pub", "AAAA", "3 bytes, not 1184");
  refused("pub", "!", "pub");
  refused("pub", Base64UrlEncode(Bytes(kMlKemPublicKeySize, 0xff)), "not below 3329");
  refused("priv", "AAAA", "private");
}

}  // namespace
}  // namespace nacre::crypto
