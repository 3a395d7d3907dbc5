// Who is given a resource, and who is not.
#include "attestation/broker/resource_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/broker/testing.h"
#include "base/encoding.h"
#include "base/subprocess.h"
#include "crypto/jwe.h"
#include "crypto/jwk.h"
#include "crypto/ml_kem.h"

namespace nacre::attestation::testing {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<CommandResult> RunTool(std::vector<std::string> argv) {
  SubprocessOptions options;
  options.argv = std::move(argv);
  return RunCommand(std::move(options));
}

class ResourceTest : public ::testing::Test {
 protected:
  ResourceTest() { broker.Provision(); }
  Answer GetWithBearer(const std::string& token, const std::string& path = "default/key/1") {
    return broker.Handle("GET", "/kbs/v0/resource/" + path, {{"Authorization", "Bearer " + token}});
  }
  TestBroker broker;
  TestGuest guest{broker};
};

TEST_F(ResourceTest, AnAttestedGuestGetsAJweForItsKey) {
  ASSERT_EQ(guest.Run().response.status, 200);
  for (const Answer& answer : {guest.Get("default/key/1"), GetWithBearer(guest.token)}) {
    ASSERT_EQ(answer.response.status, 200) << answer.response.body;
    auto contents =
        crypto::JweDecrypt(answer.response.body, guest.key, crypto::kBrokerJweAlgorithms);
    ASSERT_TRUE(contents.ok()) << contents.status();
    EXPECT_EQ(AsText(contents->view()), "secret");
    EXPECT_EQ(answer.response.body.find("secret"), std::string::npos);
  }
}

net::HttpServerRequest Request(std::string method, std::string path, const std::string& cookie,
                               std::string body = "") {
  net::HttpServerRequest request;
  request.method = std::move(method);
  request.path = std::move(path);
  request.headers = {{"Cookie", cookie}};
  request.body = std::move(body);
  request.peer = "10.0.2.2:1";
  return request;
}

TEST_F(ResourceTest, OnlyWhatWaitsForNothingIsAnsweredAtOnce) {
  ASSERT_EQ(guest.Run().response.status, 200);
  Broker& at = broker.broker();
  const std::string path = "/kbs/v0/resource/default/key/1";
  const auto released = at.HandleAtOnce(Request("GET", path, guest.cookie));
  ASSERT_TRUE(released.has_value());
  EXPECT_EQ(released->response.status, 200);
  const auto nobody = at.HandleAtOnce(Request("GET", path, ""));
  ASSERT_TRUE(nobody.has_value());
  EXPECT_EQ(nobody->response.status, 401);
  const auto nonce = at.HandleAtOnce(
      Request("POST", "/kbs/v0/auth", "", R"({"version":"0.4.0","tee":"snp","extra-params":{}})"));
  ASSERT_TRUE(nonce.has_value());
  EXPECT_EQ(nonce->response.status, 200);
  for (const auto& [method, other] : {std::pair<std::string, std::string>{"POST", "/kbs/v0/attest"},
                                      {"POST", path},
                                      {"GET", "/kbs/v0/resources"},
                                      {"GET", "/kbs/v0/resource-policy"},
                                      {"GET", "/healthz"}}) {
    EXPECT_FALSE(at.HandleAtOnce(Request(method, other, guest.cookie)).has_value()) << other;
  }
}

// A denial is written down first, and only once.
TEST_F(ResourceTest, ADenialIsNotGivenAtOnce) {
  ASSERT_EQ(guest.Run().response.status, 200);
  broker.context().config.allow_emulated = false;
  const std::string before = broker.LastExplanation()["id"].get<std::string>();
  const auto request = Request("GET", "/kbs/v0/resource/default/key/1", guest.cookie);
  EXPECT_FALSE(broker.broker().HandleAtOnce(request).has_value());
  EXPECT_EQ(broker.LastExplanation()["id"], before);
  const Answer answer = broker.broker().Handle(request);
  EXPECT_EQ(answer.response.status, 403);
  EXPECT_EQ(broker.LastExplanation()["id"], answer.response.Header("X-Correlation-Id"));
}

TEST(Rsa15Test, IsWrittenOnlyWhereTheOwnerAllowsIt) {
  const SecretBytes pem = *crypto::PrivateKey::GenerateRsa(2048)->ToPem();
  for (const bool allowed : {false, true}) {
    TestBroker broker([&](BrokerConfig& config) { config.guest_keys.rsa1_5 = allowed; });
    broker.Provision();
    TestGuest guest(broker);
    guest.key = *crypto::PrivateKey::FromPem(pem.view());
    guest.key_algorithm = "RSA1_5";
    EXPECT_EQ(guest.Run().response.status, allowed ? 200 : 401);
    if (!allowed) {
      EXPECT_THAT(broker.LastExplanation()["summary"].get<std::string>(),
                  HasSubstr("[policy] allow_rsa1_5"));
      continue;
    }
    const Answer answer = guest.Get("default/key/1");
    ASSERT_EQ(answer.response.status, 200);
    const Json jwe = *ParseJson(answer.response.body);
    EXPECT_EQ(AsText(*Base64UrlDecode(jwe["protected"].get<std::string>())),
              R"({"alg":"RSA1_5","enc":"A256GCM"})");
    EXPECT_FALSE(
        crypto::JweDecrypt(answer.response.body, guest.key, crypto::kImageJweAlgorithms).ok());
    // It is no door for EC keys, nor for other names.
    guest.key = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
    EXPECT_EQ(guest.Run().response.status, 401);
  }
}

TEST(MlKemTest, IsTakenOnlyWhereTheOwnerAllowsIt) {
  const crypto::MlKemPrivateKey key = crypto::MlKemPrivateKey::Generate();
  for (const bool allowed : {false, true}) {
    TestBroker broker([&](BrokerConfig& config) { config.guest_keys.ml_kem = allowed; });
    broker.Provision();
    TestGuest guest(broker);
    guest.tee_pubkey = crypto::MlKemPublicKeyToJwk(key.public_key());
    EXPECT_EQ(guest.Run().response.status, allowed ? 200 : 401);
    if (!allowed) {
      EXPECT_THAT(broker.LastExplanation()["summary"].get<std::string>(),
                  HasSubstr("[policy] allow_ml_kem"));
      continue;
    }
    const Answer answer = guest.Get("default/key/1");
    ASSERT_EQ(answer.response.status, 200);
    EXPECT_TRUE(crypto::JweDecrypt(answer.response.body, key).ok());
    EXPECT_FALSE(
        crypto::JweDecrypt(answer.response.body, guest.key, crypto::kImageJweAlgorithms).ok());
    // Such a key cannot sign, so it cannot report denials either.
    EXPECT_EQ(broker.Handle("POST", "/kbs/v0/denials", {{"Cookie", guest.cookie}}, "a.b.c")
                  .response.status,
              400);
    // A key of another form, and one with more to it.
    guest.tee_pubkey["alg"] = "ML-KEM-1024+A256KW";
    EXPECT_EQ(guest.Run().response.status, 401);
    guest.tee_pubkey = crypto::MlKemPublicKeyToJwk(key.public_key());
    guest.tee_pubkey["priv"] = "AAAA";
    EXPECT_EQ(guest.Run().response.status, 401);
  }
}

// The jose command as the other side: it makes the guest's key, opens the JWE with it and verifies
// the token against the published key set.
TEST_F(ResourceTest, AnotherToolReadsTheJweAndTheToken) {
  auto made = RunTool({"jose", "jwk", "gen", "-i", R"({"kty":"EC","crv":"P-256"})"});
  if (!made.ok()) GTEST_SKIP() << "the jose command is missing: " << made.status();
  guest.key = *crypto::PrivateKeyFromJwk(*ParseJson(made->out));
  ASSERT_EQ(guest.Run().response.status, 200);
  auto file = [&](const std::string& name, std::string_view contents) {
    std::string path = broker.folder() + "/" + name;
    EXPECT_TRUE(WriteFile(path, AsBytes(contents)).ok());
    return path;
  };
  auto opened =
      RunTool({"jose", "jwe", "dec", "-i", file("jwe", guest.Get("default/key/1").response.body),
               "-k", file("jwk", made->out)});
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->out, "secret") << opened->err;
  std::string keys = broker.Handle("GET", "/.well-known/jwks.json").response.body;
  auto verified =
      RunTool({"jose", "jws", "ver", "-i", file("token", guest.token), "-k", file("keys", keys)});
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->exit.code, 0) << verified->err;
}

TEST_F(ResourceTest, WithoutAnAttestationThereIsNothing) {
  for (const Answer& answer :
       {broker.Handle("GET", "/kbs/v0/resource/default/key/1"), GetWithBearer(""),
        GetWithBearer("a.b.c"), GetWithBearer(broker.AdminToken())}) {
    EXPECT_EQ(answer.response.status, 401);
    EXPECT_EQ(CodeOf(answer), "not-attested");
  }
  guest.Auth();  // a session that has not attested
  EXPECT_EQ(guest.Get("default/key/1").response.status, 401);
}

TEST_F(ResourceTest, AForeignTokenIsNotOurs) {
  TestBroker other;
  other.Provision();
  TestGuest elsewhere(other);
  ASSERT_EQ(elsewhere.Run().response.status, 200);
  EXPECT_EQ(GetWithBearer(elsewhere.token).response.status, 401);
}

TEST_F(ResourceTest, AnExpiredTokenIsRefused) {
  ASSERT_EQ(guest.Run().response.status, 200);
  broker.now += 299;
  EXPECT_EQ(GetWithBearer(guest.token).response.status, 200);
  broker.now += 1;
  EXPECT_EQ(GetWithBearer(guest.token).response.status, 401);
}

TEST_F(ResourceTest, EmulatedGuestsNeedTheOwnersWord) {
  TestBroker strict([](BrokerConfig& config) { config.allow_emulated = false; });
  strict.Provision();
  TestGuest emulated(strict);
  ASSERT_EQ(emulated.Run().response.status, 200);
  Answer answer = emulated.Get("default/key/1");
  EXPECT_EQ(answer.response.status, 403);
  EXPECT_EQ(CodeOf(answer), "emulated-not-allowed");
  Json explanation = strict.LastExplanation();
  EXPECT_EQ(explanation["kind"], "resource");
  EXPECT_EQ(explanation["resource"], "default/key/1");
  EXPECT_EQ(explanation["reference"], "pearl");
  EXPECT_THAT(explanation["summary"].get<std::string>(), HasSubstr("allow_emulated"));
}

TEST_F(ResourceTest, WhatIsNotThereIsNotFound) {
  ASSERT_EQ(guest.Run().response.status, 200);
  EXPECT_EQ(guest.Get("default/key/2").response.status, 404);
  for (const char* path : {"../../etc/passwd", "default/..%2f..%2fetc/passwd", "default/key",
                           "default/key/1/", "default//1", ".", ""}) {
    EXPECT_EQ(guest.Get(path).response.status, 404) << path;
  }
}

}  // namespace
}  // namespace nacre::attestation::testing
