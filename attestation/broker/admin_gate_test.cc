// Who administers, by tokens of several issuers and by client certificates, and who does not.
#include "attestation/broker/admin_gate.h"

#include <gtest/gtest.h>

#include "attestation/protocol/jwt.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "crypto/jwk.h"
#include "crypto/jws.h"

namespace nacre::attestation {
namespace {

class AdminGateTest : public ::testing::Test {
 protected:
  AdminGateTest() {
    config.admin_public_key = Write("owner.pem", *owner.public_key().ToPem());
    Json jwk = *crypto::PublicKeyToJwk(idp.public_key());
    jwk["kid"] = "one";
    jwk["alg"] = "ES384";
    const Json set = {{"keys", Json::array({jwk})}};
    config.admin_issuers.push_back(
        {"idp", "https://idp.example", "nacre-kbs", Write("idp.jwks", set.dump())});
    config.admin_roles = {{"writer", {"POST"}, {"^/kbs/v0/resource/team-a/[^/]+/[^/]+$"}},
                          {"reader", {}, {"^/kbs/v0/reference-value$", "^/kbs/v0/admin/.*$"}}};
    config.admin_clients = {{"CN=ci,O=team", "", "reader"}, {"", "ab12", "writer"}};
  }
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder.path() + "/" + name;
    EXPECT_OK(WriteFile(path, AsBytes(text)));
    return path;
  }
  std::string Token(Json change = Json::object(),
                    crypto::JwsAlgorithm algorithm = crypto::JwsAlgorithm::kEs384,
                    const crypto::PrivateKey* key = nullptr) {
    Json claims = {{"iss", "https://idp.example"},
                   {"aud", "nacre-kbs"},
                   {"sub", "ann"},
                   {"role", "writer"},
                   {"iat", now},
                   {"exp", now + 60}};
    claims.update(change);
    return *crypto::JwsSign(key == nullptr ? idp : *key, algorithm, {{"kid", "one"}},
                            AsBytes(claims.dump()));
  }
  absl::Status Check(const Credentials& credentials, std::string_view method = "POST",
                     std::string_view target = "/kbs/v0/resource/team-a/key/1") {
    auto gate = AdminGate::Open(config);
    if (!gate.ok()) return gate.status();
    auto identity = gate->Check(credentials, method, target, now);
    if (identity.ok()) who = identity->name;
    return identity.status();
  }
  absl::Status CheckToken(const std::string& token, std::string_view method = "POST",
                          std::string_view target = "/kbs/v0/resource/team-a/key/1") {
    return Check({.bearer = token, .certificate = {}, .subject = {}}, method, target);
  }

  const int64_t now = 1'800'000'000;
  std::string who;
  TemporaryDirectory folder = *TemporaryDirectory::Create("gate");
  crypto::PrivateKey owner = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  crypto::PrivateKey idp = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP384);
  BrokerConfig config;
};

TEST_F(AdminGateTest, ARoleMayDoWhatItsPatternsSayAndNothingElse) {
  EXPECT_OK(CheckToken(Token()));
  EXPECT_EQ(who, "https://idp.example/ann");
  EXPECT_STATUS(CheckToken(Token(), "DELETE"), kPermissionDenied, "does not allow DELETE");
  for (const char* target :
       {"/kbs/v0/resource/team-b/key/1", "/kbs/v0/resource/team-a/key/1/2",
        "/kbs/v0/resource/team-a/key/1?x=/a", "/x/kbs/v0/resource/team-a/key/1",
        "/kbs/v0/resource-policy", "/kbs/v0/resource/team-a/key"}) {
    EXPECT_STATUS(CheckToken(Token(), "POST", target), kPermissionDenied, "role 'writer'");
  }
  EXPECT_OK(CheckToken(Token({{"role", "reader"}}), "GET", "/kbs/v0/admin/resources"));
  for (const Json& role : {Json("admin"), Json("nobody"), Json(1), Json(nullptr)}) {
    EXPECT_STATUS(CheckToken(Token({{"role", role}})), kPermissionDenied, "role");
  }
}

TEST_F(AdminGateTest, TokensOfOthersAreOfNobody) {
  for (const Json& change :
       {Json{{"iss", "https://other.example"}}, Json{{"aud", "else"}}, Json{{"aud", nullptr}},
        Json{{"exp", now}}, Json{{"nbf", now + 31}}, Json{{"iat", now + 31}}, Json{{"exp", "x"}}}) {
    EXPECT_STATUS(CheckToken(Token(change)), kUnauthenticated, "nobody");
  }
  EXPECT_OK(CheckToken(Token({{"aud", {"x", "nacre-kbs"}}, {"nbf", now + 30}, {"exp", now + 1}})));
  auto stranger = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP384);
  EXPECT_STATUS(CheckToken(Token(Json::object(), crypto::JwsAlgorithm::kEs384, &stranger)),
                kUnauthenticated, "nobody");
  const std::string good = Token();
  const std::string none = "eyJhbGciOiJub25lIn0" + good.substr(good.find('.'));
  for (const std::string& bad : {none, good.substr(0, good.rfind('.') + 1), std::string("a.b.c"),
                                 std::string(100'000, 'x')}) {
    EXPECT_STATUS(CheckToken(bad), kUnauthenticated, "nobody");
  }
}

TEST_F(AdminGateTest, TheOwnersKeyMayDoEverything) {
  const std::string token = *SignAdminToken(owner, config.admin_issuer, now, 60);
  EXPECT_OK(CheckToken(token, "DELETE", "/kbs/v0/anything"));
  EXPECT_EQ(who, "nacre-admin");
  EXPECT_STATUS(CheckToken(*SignAdminToken(idp.kind() == owner.kind() ? owner : idp,
                                           "https://idp.example", now, 60)),
                kUnauthenticated, "nobody");
}

TEST_F(AdminGateTest, ClientCertificatesHaveRoles) {
  const auto client = [](std::string_view sha256, std::string_view subject) {
    return Credentials{.bearer = {}, .certificate = sha256, .subject = subject};
  };
  EXPECT_OK(Check(client("cc", "CN=ci,O=team"), "GET", "/kbs/v0/reference-value"));
  EXPECT_EQ(who, "tls:CN=ci,O=team");
  EXPECT_OK(Check(client("ab12", "CN=any")));
  EXPECT_STATUS(Check(client("cc", "CN=ci,O=team")), kPermissionDenied, "reader");
  EXPECT_STATUS(Check(client("cc", "CN=ci")), kUnauthenticated, "certificate is of nobody");
  EXPECT_STATUS(Check(client("", "CN=ci,O=team")), kUnauthenticated, "neither");
  // A wrong token is not made up for by a certificate.
  EXPECT_STATUS(Check({.bearer = "x", .certificate = "ab12", .subject = "CN=any"}),
                kUnauthenticated, "nobody");
}

TEST_F(AdminGateTest, RsaIssuersAndPatternsAreChecked) {
  auto rsa = *crypto::PrivateKey::GenerateRsa(2048);
  config.admin_issuers[0].keys = Write("rsa.pem", *rsa.public_key().ToPem());
  const std::string good = Token();
  const std::string text = "eyJhbGciOiJSUzI1NiJ9." +
                           good.substr(good.find('.') + 1, good.rfind('.') - good.find('.') - 1);
  const auto sign = [&](bool pss) {
    const Bytes signature = pss ? *rsa.SignRsaPss(crypto::HashAlgorithm::kSha256, AsBytes(text))
                                : *rsa.SignRsaPkcs1(crypto::HashAlgorithm::kSha256, AsBytes(text));
    return text + "." + Base64UrlEncode(signature);
  };
  EXPECT_OK(CheckToken(sign(false)));
  EXPECT_STATUS(CheckToken(sign(true)), kUnauthenticated, "nobody");  // not what "alg" says
  EXPECT_STATUS(CheckToken(good), kUnauthenticated, "nobody");
  for (const char* pattern : {"/kbs/v0/.*$", "^/kbs/v0/.*", "^/kbs/(v0$", "^/other$"}) {
    config.admin_roles[0].allow = {pattern};
    EXPECT_STATUS(Check({}), kInvalidArgument, "admin.roles.writer");
  }
  config.admin_roles.clear();
  config.admin_issuers[0].keys = Write("bad.pem", "{\"keys\":[]}");
  EXPECT_STATUS(Check({}), kInvalidArgument, "admin.issuers.idp");
}

}  // namespace
}  // namespace nacre::attestation
