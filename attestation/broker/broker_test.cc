// Routes: what each path takes, what refusals look like, and the switch for old clients.
#include "attestation/broker/broker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/broker/testing.h"
#include "attestation/protocol/error_body.h"
#include "base/encoding.h"
#include "base/file.h"
#include "crypto/jwe.h"
#include "crypto/jwk.h"
#include "crypto/jws.h"

namespace nacre::attestation::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Broker, EveryRefusalHasItsStatusAndTheProtocolsBody) {
  TestBroker broker;
  struct Case {
    const char* method;
    const char* path;
    int status;
    const char* code;
  };
  for (const Case& refused : {Case{"GET", "/kbs/v0/auth", 405, "method-not-allowed"},
                              {"PUT", "/kbs/v0/attest", 405, "method-not-allowed"},
                              {"POST", "/healthz", 405, "method-not-allowed"},
                              {"POST", "/kbs/v0/auth", 400, "malformed"},
                              {"POST", "/kbs/v0/attest", 401, "no-session"},
                              {"GET", "/kbs/v0/resource/a/b/c", 401, "not-attested"},
                              {"PUT", "/kbs/v0/resource/a/b/c", 401, "not-admin"},
                              {"GET", "/kbs/v0/pkcs11/key", 404, "plugin-not-found"},
                              {"GET", "/kbs/v0/nothing", 404, "bad-path"},
                              {"GET", "/kbs/v1/auth", 404, "bad-path"},
                              {"GET", "/", 404, "bad-path"}}) {
    Answer answer = broker.Handle(refused.method, refused.path);
    EXPECT_EQ(answer.response.status, refused.status) << refused.method << refused.path;
    auto body = ParseErrorBody(answer.response.body);
    ASSERT_TRUE(body.ok()) << answer.response.body;
    EXPECT_EQ(body->code, refused.code) << refused.method << refused.path;
    EXPECT_EQ(body->correlation_id, answer.response.Header("X-Correlation-Id"));
    EXPECT_EQ(!answer.response.Header("Allow").empty(), refused.status == 405);
  }
  for (const auto& [method, path] : {std::pair{"PUT", "/kbs/v0/resource/a/b/c"},
                                     {"PATCH", "/kbs/v0/reference-value"},
                                     {"POST", "/kbs/v0/reference-value/x"},
                                     {"PUT", "/kbs/v0/resource-policy"},
                                     {"POST", "/kbs/v0/attestation-policy/x"},
                                     {"DELETE", "/kbs/v0/admin/resources"}}) {
    EXPECT_EQ(broker.Admin(method, path).response.status, 405) << method << path;
  }
}

TEST(Broker, OldClientsSeeOnly401) {
  TestBroker broker([](BrokerConfig& config) { config.compat_401_everywhere = true; });
  broker.Provision();
  TestGuest guest(broker);
  EXPECT_EQ(broker.Handle("POST", "/kbs/v0/auth").response.status, 401);
  EXPECT_EQ(broker.Handle("GET", "/kbs/v0/attest").response.status, 401);
  EXPECT_EQ(broker.Handle("GET", "/kbs/v0/pkcs11/key").response.status, 404);
  ASSERT_EQ(guest.Run().response.status, 200);
  EXPECT_EQ(guest.Get("default/key/1").response.status, 200);
  EXPECT_EQ(guest.Get("default/key/2").response.status, 401);
  EXPECT_EQ(guest.Get("default/..").response.status, 404);
  EXPECT_EQ(broker.Handle("POST", "/healthz").response.status, 405);
}

TEST(Broker, ReadinessAndMetrics) {
  TestBroker broker;
  broker.Provision();
  EXPECT_EQ(broker.Handle("GET", "/readyz").response.status, 200);
  TestGuest guest(broker);
  ASSERT_EQ(guest.Run().response.status, 200);
  guest.Get("default/key/2");
  broker.Handle("GET", "/kbs/v0/se\"cret\n");
  const std::string text = broker.Handle("GET", "/metrics").response.body;
  EXPECT_THAT(text, HasSubstr("nacre_kbs_requests_total{route=\"attest\",status=\"200\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("nacre_kbs_refusals_total{code=\"not-found\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("nacre_kbs_request_seconds_bucket{route=\"auth\",le=\"+Inf\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("process_resident_memory_bytes "));
  EXPECT_THAT(text, Not(HasSubstr("cret")));
}

struct KeyCase {
  const char* name;
  crypto::JweAlgorithm algorithm;
  std::function<crypto::PrivateKey()> make;
};

TEST(Broker, ResourcesAreEncryptedAsTheGuestsKeySays) {
  TestBroker broker;
  broker.Provision();
  using crypto::Curve;
  using crypto::JweAlgorithm;
  const auto ec = [](Curve curve) {
    return [curve] { return *crypto::PrivateKey::GenerateEc(curve); };
  };
  const auto rsa = [] { return *crypto::PrivateKey::GenerateRsa(2048); };
  for (const KeyCase& given :
       {KeyCase{"ECDH-ES+A256KW", JweAlgorithm::kEcdhEsA256Kw, ec(Curve::kP256)},
        {"ECDH-ES+A256KW", JweAlgorithm::kEcdhEsA256Kw, ec(Curve::kP384)},
        {"ECDH-ES+A256KW", JweAlgorithm::kEcdhEsA256Kw, ec(Curve::kP521)},
        {"ECDH-ES+A128KW", JweAlgorithm::kEcdhEsA128Kw, ec(Curve::kP384)},
        {"ECDH-ES", JweAlgorithm::kEcdhEs, ec(Curve::kP256)},
        {"RSA-OAEP-256", JweAlgorithm::kRsaOaep256, rsa},
        {"RSA-OAEP", JweAlgorithm::kRsaOaep, rsa}}) {
    TestGuest guest(broker);
    guest.key = given.make();
    guest.key_algorithm = given.name;
    ASSERT_EQ(guest.Run().response.status, 200) << given.name;
    Answer answer = guest.Get("default/key/1");
    ASSERT_EQ(answer.response.status, 200) << given.name;
    const std::string header = (*ParseJson(answer.response.body))["protected"];
    EXPECT_EQ(AsText(*Base64UrlDecode(header)).substr(0, 8), "{\"alg\":\"");
    auto plain = crypto::JweDecrypt(answer.response.body, guest.key, {&given.algorithm, 1});
    ASSERT_TRUE(plain.ok()) << given.name << plain.status();
    EXPECT_EQ(AsText(plain->view()), "secret");
  }
  for (const char* wrong : {"RSA-OAEP-256", "RSA1_5", "none", "A256KW", "dir", ""}) {
    TestGuest guest(broker);
    guest.key_algorithm = wrong;
    EXPECT_EQ(CodeOf(guest.Run()), "malformed-evidence") << wrong;
  }
}

// A token of another attestation service, as peers shape theirs.
TEST(Broker, TokensOfTrustedServicesCount) {
  auto other = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  TemporaryDirectory folder = *TemporaryDirectory::Create("trusted");
  const std::string path = folder.path() + "/as.pem";
  ASSERT_TRUE(WriteFile(path, AsBytes(*other.public_key().ToPem())).ok());
  TestBroker broker([&](BrokerConfig& config) {
    config.trusted_issuers = {{"as", "CoCo-Attestation-Service", "", path}};
  });
  broker.Provision();
  const auto guest_key = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  Json jwk = *crypto::PublicKeyToJwk(guest_key.public_key());
  jwk["alg"] = "ECDH-ES+A256KW";
  const auto ask = [&](const Json& claims, const crypto::PrivateKey& key) {
    const std::string token =
        *crypto::JwsSign(key, crypto::JwsAlgorithm::kEs256, Json::object(), AsBytes(claims.dump()));
    return broker.Handle("GET", "/kbs/v0/resource/default/key/1",
                         {{"Authorization", "Bearer " + token}});
  };
  const Json good = {
      {"iss", "CoCo-Attestation-Service"},
      {"exp", broker.now + 60},
      {"submods",
       {{"cpu0",
         {{"ear.status", "affirming"},
          {"ear.trustworthiness-vector", {{"hardware", 2}, {"executables", 3}}},
          {"ear.veraison.annotated-evidence",
           {{"tdx", Json::object()}, {"runtime_data_claims", {{"tee-pubkey", jwk}}}}}}}}}};
  Answer answer = ask(good, other);
  ASSERT_EQ(answer.response.status, 200) << answer.response.body << answer.summary;
  EXPECT_TRUE(
      crypto::JweDecrypt(answer.response.body, guest_key, crypto::kBrokerJweAlgorithms).ok());
  EXPECT_EQ(ask(good, *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256)).response.status, 401);
  const auto spoilt = [&](const char* pointer, const Json& value) {
    Json claims = good;
    claims[Json::json_pointer(pointer)] = value;
    return ask(claims, other).response.status;
  };
  EXPECT_EQ(spoilt("/iss", "else"), 401);
  EXPECT_EQ(spoilt("/exp", broker.now), 401);
  EXPECT_EQ(spoilt("/submods/cpu0/ear.status", "warning"), 403);
  EXPECT_EQ(spoilt("/submods/cpu0/ear.status", "unheard-of"), 403);
  EXPECT_EQ(spoilt("/submods/cpu0/ear.trustworthiness-vector/hardware", 97), 403);
  EXPECT_EQ(spoilt("/submods/gpu0", Json(good["submods"]["cpu0"])), 200);
  EXPECT_NE(spoilt("/submods", Json::object()), 200);
  TestBroker strict([&](BrokerConfig& config) {
    config.allow_emulated = false;
    config.trusted_issuers = {{"as", "CoCo-Attestation-Service", "", path}};
  });
  Json sample = good;
  sample["submods"]["cpu0"]["ear.veraison.annotated-evidence"]["sample"] = Json::object();
  const std::string token =
      *crypto::JwsSign(other, crypto::JwsAlgorithm::kEs256, Json::object(), AsBytes(sample.dump()));
  EXPECT_EQ(CodeOf(strict.Handle("GET", "/kbs/v0/resource/default/key/1",
                                 {{"Authorization", "Bearer " + token}})),
            "emulated-not-allowed");
}

}  // namespace
}  // namespace nacre::attestation::testing
