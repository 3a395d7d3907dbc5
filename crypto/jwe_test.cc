#include "crypto/jwe.h"

#include "base/encoding.h"
#include "base/status_testing.h"
#include "crypto/aead.h"
#include "crypto/jwk.h"
#include "crypto/keys_testing.h"

namespace nacre::crypto {
namespace {

// RFC 7516 appendix A.1.
const char kRfcRsaKey[] =
    R"({"kty":"RSA","n":"oahUIoWw0K0usKNuOR6H4wkf4oBUXHTxRvgb48E-BVvxkeDNjbC4he8rUWcJoZmds2h7M7)"
    R"(0imEVhRU5djINXtqllXI4DFqcI1DgjT9LewND8MW2Krf3Spsk_ZkoFnilakGygTwpZ3uesH-PFABNIUYpOiN15ds)"
    R"(QRkgr0vEhxN92i2asbOenSZeyaxziK72UwxrrKoExv6kc5twXTq4h-QChLOln0_mtUZwfsRaMStPs6mS6Xrgxnxb)"
    R"(Whojf663tuEQueGC-FCMfra36C9knDFGzKsNa7LZK2djYgyD3JR_MB_4NUJW_TqOQtwHYbxevoJArm-L5StowjzG)"
    R"(y-_bq6Gw","e":"AQAB","d":"kLdtIj6GbDks_ApCSTYQtelcNttlKiOyPzMrXHeI-yk1F7-kpDxY4-WY5NWV5K)"
    R"(ntaEeXS1j82E375xxhWMHXyvjYecPT9fpwR_M9gV8n9Hrh2anTpTD93Dt62ypW3yDsJzBnTnrYu1iwWRgBKrEYY4)"
    R"(6qAZIrA2xAwnm2X7uGR1hghkqDp0Vqj3kbSCz1XyfCs6_LehBwtxHIyh8Ripy40p24moOAbgxVw3rxT_vlt3UVe4)"
    R"(WO3JkJOzlpUf-KTVI2Ptgm-dARxTEtE-id-4OJr0h-K-VFs3VSndVTIznSxfyrj8ILL6MG_Uv8YAu7VILSB3lOW0)"
    R"(85-4qE3DzgrTjgyQ","p":"1r52Xk46c-LsfB5P442p7atdPUrxQSy4mti_tZI3Mgf2EuFVbUoDBvaRQ-SWxkbkm)"
    R"(oEzL7JXroSBjSrK3YIQgYdMgyAEPTPjXv_hI2_1eTSPVZfzL0lffNn03IXqWF5MDFuoUYE0hzb2vhrlN_rKrbfDI)"
    R"(wUbTrjjgieRbwC6Cl0","q":"wLb35x7hmQWZsWJmB_vle87ihgZ19S8lBEROLIsZG4ayZVe9Hi9gDVCOBmUDdaD)"
    R"(YVTSNx_8Fyw1YYa9XGrGnDew00J28cRUoeBB_jKI1oma0Orv1T9aXIWxKwd4gvxFImOWr3QRL9KEBRzk2RatUBnm)"
    R"(DZJTIAfwTs0g68UZHvtc","dp":"ZK-YwE7diUh0qR1tR7w8WHtolDx3MZ_OTowiFvgfeQ3SiresXjm9gZ5KLhMX)"
    R"(vo-uz-KUJWDxS5pFQ_M0evdo1dKiRTjVw_x4NyqyXPM5nULPkcpU827rnpZzAJKpdhWAgqrXGKAECQH0Xt4taznj)"
    R"(nd_zVpAmZZq60WPMBMfKcuE","dq":"Dq0gfgJ1DdFGXiLvQEZnuKEN0UUmsJBxkjydc3j4ZYdBiMRAy86x0vHCj)"
    R"(ywcMlYYg4yoC4YZa9hNVcsjqA3FeiL19rk8g6Qn29Tt0cj8qqyFpz9vNDBUfCAiJVeESOjJDZPYHdHY8v1b-o-Z2)"
    R"(X5tvLx-TCekf7oxyeKDUqKWjis","qi":"VIMpMYbPf47dT1w_zDUXfPimsSegnMOA1zTaX7aGk_8urY6R8-ZW1F)"
    R"(xU7AlWAyLWybqq6t16VFd7hQd0y6flUK4SlOydB61gwanOsXGOAOv82cHq0E3eL4HrtZkUuKvnPrMnsUUFlfUdyb)"
    R"(Vzxyjz9JF_XyaY14ardLSjf4L_FNY"})";
const char kRfcRsaJwe[] =
    "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ."
    "OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGeipsEdY3mx_"
    "etLbbWSrFr05kLzcSr4qK"
    "Aq7YN7e9jwQRb23nfa6c9d-StnImGyFDbSv04uVuxIp5Zms1gNxKKK2Da14B8S4rzVRltdYwam_"
    "lDp5XnZAYpQdb76FdIKL"
    "aVmqgfwX7XWRxv2322i-vDxRfqNzo_"
    "tETKzpVLzfiwQyeyPGLBIO56YJ7eObdv0je81860ppamavo35UgoRdbYaBcoh9Qcf"
    "ylQr66oc6vFWXRcZ_ZT2LawVCWTIy3brGPi6UklfCpIMfIjf7iGdXKHzg.48V1_ALb6US04U3b."
    "5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A."
    "XFBoMYUZodetZdvTiFvSkQ";

const PrivateKey& KeyFor(JweAlgorithm algorithm) {
  bool rsa = algorithm == JweAlgorithm::kRsaOaep || algorithm == JweAlgorithm::kRsaOaep256;
  return rsa ? RsaKey() : EcKey(Curve::kP256);
}

std::string Encrypted(JweAlgorithm algorithm, std::string_view text = "secret") {
  return *JweEncrypt(KeyFor(algorithm).public_key(), algorithm, AsBytes(text));
}

absl::StatusOr<std::string> Decrypt(std::string_view jwe, const PrivateKey& key) {
  ASSIGN_OR_RETURN(SecretBytes plaintext, JweDecrypt(jwe, key, kImageJweAlgorithms));
  return ToString(plaintext.view());
}

// A JWE whose protected header is replaced, with the content sealed anew under `content_key`: what
// an attacker who knows a content key could make.
Json WithProtected(Json jwe, std::string_view header, ByteView content_key) {
  std::string protected_text = Base64UrlEncode(AsBytes(header));
  Bytes sealed = *Aes256GcmSeal(content_key, Bytes(12), AsBytes(protected_text), AsBytes("secret"));
  jwe["protected"] = protected_text;
  jwe["iv"] = Base64UrlEncode(Bytes(12));
  jwe["ciphertext"] = Base64UrlEncode(ByteView(sealed).first(6));
  jwe["tag"] = Base64UrlEncode(ByteView(sealed).last(16));
  return jwe;
}

// RFC 7518 appendix C.
TEST(JweTest, KeyDerivationOfTheRfc) {
  ASSERT_OK_AND_ASSIGN(PrivateKey alice, PrivateKeyFromJwk(*ParseJson(R"({"kty":"EC","crv":"P-256",
      "x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
      "y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps",
      "d":"0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo"})")));
  ASSERT_OK_AND_ASSIGN(PrivateKey bob, PrivateKeyFromJwk(*ParseJson(R"({"kty":"EC","crv":"P-256",
      "x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
      "y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck",
      "d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"})")));
  ASSERT_OK_AND_ASSIGN(SecretBytes shared, alice.Ecdh(bob.public_key()));
  SecretBytes key = JweConcatKdf(shared.view(), "A128GCM", AsBytes("Alice"), AsBytes("Bob"), 128);
  EXPECT_EQ(Base64UrlEncode(key.view()), "VqqN6vgjbSBcIijNcacQGg");
}

// RFC 7516 appendix A.1: RSA-OAEP and A256GCM, its compact form rewritten as the flattened one.
TEST(JweTest, RsaExampleOfTheRfc) {
  ASSERT_OK_AND_ASSIGN(PrivateKey key, PrivateKeyFromJwk(*ParseJson(kRfcRsaKey)));
  std::vector<std::string_view> parts = StrSplit(kRfcRsaJwe, '.');
  Json jwe = {{"protected", std::string(parts[0])},
              {"encrypted_key", std::string(parts[1])},
              {"iv", std::string(parts[2])},
              {"ciphertext", std::string(parts[3])},
              {"tag", std::string(parts[4])}};
  EXPECT_EQ(*Decrypt(*DumpJson(jwe), key),
            "The true sign of intelligence is not knowledge but imagination.");
}

TEST(JweTest, RoundTripsWithEveryAlgorithmAndCurve) {
  for (JweAlgorithm algorithm : kImageJweAlgorithms) {
    for (Curve curve : {Curve::kP256, Curve::kP384, Curve::kP521}) {
      bool rsa = &KeyFor(algorithm) == &RsaKey();
      const PrivateKey& key = rsa ? RsaKey() : EcKey(curve);
      for (std::string_view text : {"", "x", "a longer secret of more than one block of bytes"}) {
        ASSERT_OK_AND_ASSIGN(std::string jwe,
                             JweEncrypt(key.public_key(), algorithm, AsBytes(text)));
        EXPECT_EQ(*Decrypt(jwe, key), text) << JweAlgorithmName(algorithm);
      }
    }
    EXPECT_EQ(*ParseJweAlgorithm(JweAlgorithmName(algorithm)), algorithm);
  }
}

// The shape Confidential Containers' clients read: they rebuild the protected header as alg, enc,
// then the rest sorted.
TEST(JweTest, FlattenedShapeAndHeaderOrder) {
  Json jwe = *ParseJson(Encrypted(JweAlgorithm::kEcdhEsA256Kw));
  EXPECT_OK(JsonOnlyMembers(jwe, {"protected", "encrypted_key", "iv", "ciphertext", "tag"}, "jwe"));
  std::string header = ToString(*Base64UrlDecode(jwe["protected"].get<std::string>()));
  EXPECT_THAT(
      header,
      ::testing::StartsWith(
          R"({"alg":"ECDH-ES+A256KW","enc":"A256GCM","epk":{"crv":"P-256","kty":"EC","x":")"));
  EXPECT_EQ(Base64UrlDecode(jwe["encrypted_key"].get<std::string>())->size(), 40u);
  EXPECT_EQ(Base64UrlDecode(jwe["iv"].get<std::string>())->size(), 12u);
  EXPECT_EQ(Base64UrlDecode(jwe["tag"].get<std::string>())->size(), 16u);
  Json rsa = *ParseJson(Encrypted(JweAlgorithm::kRsaOaep256));
  EXPECT_EQ(ToString(*Base64UrlDecode(rsa["protected"].get<std::string>())),
            R"({"alg":"RSA-OAEP-256","enc":"A256GCM"})");
}

TEST(JweTest, Rsa15IsNotOffered) {
  EXPECT_STATUS(ParseJweAlgorithm("RSA1_5"), kInvalidArgument, "not one that is offered");
  for (const char* name : {"", "dir", "A256KW", "rsa-oaep", "ECDH-ES+A256KW "}) {
    EXPECT_STATUS(ParseJweAlgorithm(name), kInvalidArgument, "not one") << name;
  }
  Json jwe = *ParseJson(Encrypted(JweAlgorithm::kRsaOaep));
  jwe = WithProtected(jwe, R"({"alg":"RSA1_5","enc":"A256GCM"})", Bytes(32));
  EXPECT_STATUS(Decrypt(*DumpJson(jwe), RsaKey()), kInvalidArgument, "allowed algorithm");
}

TEST(JweTest, AlgorithmMustFitTheKey) {
  EXPECT_STATUS(JweEncrypt(RsaKey().public_key(), JweAlgorithm::kEcdhEs, {}), kInvalidArgument,
                "fit");
  EXPECT_STATUS(JweEncrypt(EcKey(Curve::kP256).public_key(), JweAlgorithm::kRsaOaep256, {}),
                kInvalidArgument, "RSA-OAEP-256 does not fit");
}

TEST(JweTest, OnlyAllowedAlgorithmsAreTried) {
  std::string jwe = Encrypted(JweAlgorithm::kEcdhEs);
  EXPECT_STATUS(JweDecrypt(jwe, EcKey(Curve::kP256), kBrokerJweAlgorithms), kInvalidArgument,
                "no recipient with an allowed algorithm");
  EXPECT_STATUS(JweDecrypt(jwe, EcKey(Curve::kP256), {}), kInvalidArgument, "no recipient");
}

TEST(JweTest, OtherKeysDoNotOpenIt) {
  std::string jwe = Encrypted(JweAlgorithm::kEcdhEsA256Kw);
  ASSERT_OK_AND_ASSIGN(PrivateKey other, PrivateKey::GenerateEc(Curve::kP256));
  EXPECT_STATUS(Decrypt(jwe, other), kUnauthenticated, "not for this key, or changed");
  EXPECT_STATUS(Decrypt(jwe, EcKey(Curve::kP384)), kUnauthenticated, "not for this key");
  EXPECT_STATUS(Decrypt(jwe, RsaKey()), kUnauthenticated, "not for this key");
}

TEST(JweTest, AnyChangedCharacterIsRefused) {
  for (JweAlgorithm algorithm : {JweAlgorithm::kEcdhEsA256Kw, JweAlgorithm::kEcdhEs}) {
    const Json jwe = *ParseJson(Encrypted(algorithm));
    for (const auto& item : jwe.items()) {
      std::string value = item.value();
      for (size_t i = 0; i < value.size(); ++i) {
        Json changed = jwe;
        std::string text = value;
        text[i] = text[i] == 'A' ? 'B' : 'A';
        changed[item.key()] = text;
        EXPECT_FALSE(Decrypt(*DumpJson(changed), EcKey(Curve::kP256)).ok())
            << item.key() << " character " << i;
      }
    }
  }
}

TEST(JweTest, MissingOrMisshapenMembers) {
  Json jwe = *ParseJson(Encrypted(JweAlgorithm::kEcdhEsA256Kw));
  for (const char* member : {"protected", "iv", "ciphertext", "tag", "encrypted_key"}) {
    Json without = jwe;
    without.erase(member);
    EXPECT_FALSE(Decrypt(*DumpJson(without), EcKey(Curve::kP256)).ok()) << member;
    Json number = jwe;
    number[member] = 7;
    EXPECT_STATUS(Decrypt(*DumpJson(number), EcKey(Curve::kP256)), kInvalidArgument, member);
  }
  Json short_iv = jwe;
  short_iv["iv"] = Base64UrlEncode(Bytes(11));
  EXPECT_STATUS(Decrypt(*DumpJson(short_iv), EcKey(Curve::kP256)), kInvalidArgument, "iv");
  Json short_tag = jwe;
  short_tag["tag"] = Base64UrlEncode(Bytes(15));
  EXPECT_STATUS(Decrypt(*DumpJson(short_tag), EcKey(Curve::kP256)), kInvalidArgument, "tag");
  for (const char* text : {"", "[]", "null", "{}", "a.b.c.d.e"}) {
    EXPECT_STATUS(Decrypt(text, EcKey(Curve::kP256)), kInvalidArgument, "JWE") << text;
  }
}

TEST(JweTest, HeaderMembersThatChangeMeaningAreRefused) {
  Json jwe = *ParseJson(Encrypted(JweAlgorithm::kRsaOaep));
  auto decrypted = [&jwe](std::string_view header) {
    return Decrypt(*DumpJson(WithProtected(jwe, header, Bytes(32))), RsaKey());
  };
  EXPECT_STATUS(decrypted(R"({"alg":"RSA-OAEP","enc":"A256GCM","crit":["exp"]})"), kInvalidArgument,
                "'crit' is refused");
  EXPECT_STATUS(decrypted(R"({"alg":"RSA-OAEP","enc":"A256GCM","zip":"DEF"})"), kInvalidArgument,
                "'zip' is refused");
  EXPECT_STATUS(decrypted(R"({"alg":"RSA-OAEP","enc":"A128GCM"})"), kInvalidArgument,
                "enc must be A256GCM");
  EXPECT_STATUS(decrypted(R"({"alg":"RSA-OAEP","enc":"A128CBC-HS256"})"), kInvalidArgument,
                "enc must be A256GCM");
  EXPECT_STATUS(decrypted(R"({"alg":"none","enc":"A256GCM"})"), kInvalidArgument,
                "no recipient with an allowed algorithm");
  EXPECT_STATUS(decrypted(R"({"alg":"RSA-OAEP"})"), kInvalidArgument, "'enc' is missing");
  EXPECT_STATUS(decrypted(R"({"enc":"A256GCM"})"), kInvalidArgument, "'alg' is missing");
  EXPECT_STATUS(decrypted(R"({"alg":"RSA-OAEP","alg":"RSA-OAEP","enc":"A256GCM"})"),
                kInvalidArgument, "duplicate key");
  Json twice = jwe;
  twice["unprotected"] = {{"alg", "RSA-OAEP"}};
  EXPECT_STATUS(Decrypt(*DumpJson(twice), RsaKey()), kInvalidArgument, "'alg' twice");
  twice = jwe;
  twice["header"] = {{"enc", "A256GCM"}};
  EXPECT_STATUS(Decrypt(*DumpJson(twice), RsaKey()), kInvalidArgument, "'enc' twice");
}

TEST(JweTest, EphemeralKeyMustBeOnTheRightCurve) {
  Json jwe = *ParseJson(Encrypted(JweAlgorithm::kEcdhEs));
  auto decrypted = [&jwe](Json epk) {
    Json header = {{"alg", "ECDH-ES"}, {"enc", "A256GCM"}, {"epk", std::move(epk)}};
    return Decrypt(*DumpJson(WithProtected(jwe, *DumpJson(header), Bytes(32))),
                   EcKey(Curve::kP256));
  };
  EXPECT_STATUS(decrypted(*PublicKeyToJwk(EcKey(Curve::kP384).public_key())), kUnauthenticated, "");
  Json off_curve = *PublicKeyToJwk(EcKey(Curve::kP256).public_key());
  off_curve["y"] = off_curve["x"];
  EXPECT_STATUS(decrypted(off_curve), kUnauthenticated, "");
  EXPECT_STATUS(decrypted("text"), kUnauthenticated, "");
}

// What ocicrypt writes for two recipients: general form, alg and epk in each recipient's header.
TEST(JweTest, GeneralFormTriesEachRecipient) {
  Json rsa = *ParseJson(Encrypted(JweAlgorithm::kRsaOaep256));
  std::string protected_text = Base64UrlEncode(AsBytes(R"({"enc":"A256GCM"})"));
  Bytes content_key(32, 9);
  Bytes wrapped = *RsaKey().public_key().EncryptRsaOaep("SHA256", content_key);
  Json general = WithProtected(Json::object(), R"({"enc":"A256GCM"})", content_key);
  Json epk = *PublicKeyToJwk(EcKey(Curve::kP384).public_key());
  general["recipients"] = {
      {{"header", {{"alg", "ECDH-ES+A256KW"}, {"epk", epk}}},
       {"encrypted_key", Base64UrlEncode(Bytes(40))}},
      {{"header", {{"alg", "dir"}}}},
      {{"header", {{"alg", "RSA-OAEP-256"}}}, {"encrypted_key", Base64UrlEncode(wrapped)}}};
  EXPECT_EQ(*Decrypt(*DumpJson(general), RsaKey()), "secret");
  EXPECT_STATUS(Decrypt(*DumpJson(general), EcKey(Curve::kP256)), kUnauthenticated, "");

  // As skopeo writes it for several recipients.
  Json both = general;
  both["encrypted_key"] = both["recipients"][0]["encrypted_key"];
  EXPECT_EQ(*Decrypt(*DumpJson(both), RsaKey()), "secret");
  both["encrypted_key"] = both["recipients"][2]["encrypted_key"];
  EXPECT_STATUS(Decrypt(*DumpJson(both), RsaKey()), kInvalidArgument, "both flattened and general");
  both = general;
  both["header"] = Json::object();
  EXPECT_STATUS(Decrypt(*DumpJson(both), RsaKey()), kInvalidArgument, "both flattened and general");
  both = general;
  both["encrypted_key"] = "AA";
  EXPECT_STATUS(Decrypt(*DumpJson(both), RsaKey()), kInvalidArgument, "both flattened and general");
  Json none = general;
  none["recipients"] = Json::array();
  EXPECT_STATUS(Decrypt(*DumpJson(none), RsaKey()), kInvalidArgument, "0 recipients");
  Json odd = general;
  odd["recipients"] = Json::array({1});
  EXPECT_STATUS(Decrypt(*DumpJson(odd), RsaKey()), kInvalidArgument, "not an object");
}

TEST(JweTest, RecipientsShareOneContentEncryption) {
  Bytes wrapped = *RsaKey().public_key().EncryptRsaOaep("SHA256", Bytes(32, 9));
  Json general = WithProtected(Json::object(), "{}", Bytes(32, 9));
  auto recipient = [&](const char* enc) {
    return Json{{"header", {{"alg", "RSA-OAEP-256"}, {"enc", enc}}},
                {"encrypted_key", Base64UrlEncode(wrapped)}};
  };
  general["recipients"] = {recipient("A256GCM"), recipient("A256GCM")};
  EXPECT_EQ(*Decrypt(*DumpJson(general), RsaKey()), "secret");
  general["recipients"][1] = recipient("A128GCM");
  EXPECT_STATUS(Decrypt(*DumpJson(general), RsaKey()), kInvalidArgument, "different enc");
}

TEST(JweTest, RecipientsAtAndAboveTheLimit) {
  Json general = WithProtected(Json::object(), R"({"enc":"A256GCM"})", Bytes(32, 9));
  Bytes wrapped = *RsaKey().public_key().EncryptRsaOaep("SHA256", Bytes(32, 9));
  Json good = {{"header", {{"alg", "RSA-OAEP-256"}}}, {"encrypted_key", Base64UrlEncode(wrapped)}};
  Json other = {{"header", {{"alg", "dir"}}}};
  general["recipients"] = Json::array();
  for (size_t i = 1; i < kMaxJweRecipients; ++i) general["recipients"].push_back(other);
  general["recipients"].push_back(good);
  EXPECT_EQ(*Decrypt(*DumpJson(general), RsaKey()), "secret");
  general["recipients"].push_back(good);
  EXPECT_STATUS(Decrypt(*DumpJson(general), RsaKey()), kInvalidArgument, "65 recipients");
}

TEST(JweTest, AdditionalAuthenticatedDataCounts) {
  std::string header = R"({"alg":"RSA-OAEP-256","enc":"A256GCM"})";
  std::string protected_text = Base64UrlEncode(AsBytes(header));
  Bytes wrapped = *RsaKey().public_key().EncryptRsaOaep("SHA256", Bytes(32, 9));
  Bytes sealed =
      *Aes256GcmSeal(Bytes(32, 9), Bytes(12), AsBytes(protected_text + ".YWFk"), AsBytes("secret"));
  Json jwe = {{"protected", protected_text},
              {"encrypted_key", Base64UrlEncode(wrapped)},
              {"iv", Base64UrlEncode(Bytes(12))},
              {"ciphertext", Base64UrlEncode(ByteView(sealed).first(6))},
              {"tag", Base64UrlEncode(ByteView(sealed).last(16))},
              {"aad", "YWFk"}};
  EXPECT_EQ(*Decrypt(*DumpJson(jwe), RsaKey()), "secret");
  jwe["aad"] = "YWFl";
  EXPECT_STATUS(Decrypt(*DumpJson(jwe), RsaKey()), kUnauthenticated, "");
  jwe.erase("aad");
  EXPECT_STATUS(Decrypt(*DumpJson(jwe), RsaKey()), kUnauthenticated, "");
}

}  // namespace
}  // namespace nacre::crypto
