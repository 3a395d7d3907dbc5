// The admin calls against a server that checks what comes.
#include "cli/kbs_admin.h"

#include <ctime>

#include "attestation/protocol/error_body.h"
#include "attestation/protocol/jwt.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "crypto/x509_make.h"
#include "net/http_server.h"

namespace nacre::cli {
namespace {

class KbsAdminTest : public ::testing::Test {
 protected:
  KbsAdminTest() {
    crypto::CertificateRequest request;
    request.subject = {{"CN", "broker"}};
    request.not_before = std::time(nullptr) - 60;
    request.not_after = request.not_before + 3600;
    auto certificate = *crypto::MakeCertificate(request, key.public_key(), nullptr, key,
                                                crypto::SignatureScheme::kEcdsaSha256);
    net::HttpServerOptions options;
    options.tls_certificate_chain_pem = certificate.ToPem();
    options.tls_private_key_pem = *key.ToPem();
    server =
        *net::HttpServer::Start(std::move(options), [this](const net::HttpServerRequest& asked) {
          last = asked;
          return answer;
        });
    EXPECT_OK(WriteFile(admin.cert_path, AsBytes(certificate.ToPem())));
    EXPECT_OK(WriteFile(admin.admin_key_path, key.ToPem()->view(), 0600));
    admin.url = server->url();
  }
  ~KbsAdminTest() override { server->Stop(); }

  absl::StatusOr<std::string> Call(const std::string& body = "") {
    ASSIGN_OR_RETURN(KbsAdmin caller, KbsAdmin::Create(admin));
    return caller.Call("POST", "/kbs/v0/resource/a/b/c", body);
  }

  TemporaryDirectory folder = *TemporaryDirectory::Create("kbs-admin");
  crypto::PrivateKey key = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  net::HttpServerRequest last;
  net::HttpResponse answer;
  std::unique_ptr<net::HttpServer> server;
  KbsAdminOptions admin{.url = {},
                        .cert_path = folder.path() + "/cert.pem",
                        .admin_key_path = folder.path() + "/admin.key",
                        .issuer = "nacre-admin"};
};

TEST_F(KbsAdminTest, SignsEachCallForAShortTime) {
  answer.body = "done";
  ASSERT_OK_AND_ASSIGN(std::string body, Call("contents"));
  EXPECT_EQ(body, "done");
  EXPECT_EQ(last.method, "POST");
  EXPECT_EQ(last.path, "/kbs/v0/resource/a/b/c");
  EXPECT_EQ(last.body, "contents");
  auto token = attestation::BearerToken(last.Header("Authorization"));
  int64_t now = std::time(nullptr);
  EXPECT_OK(attestation::VerifyAdminToken(token, key.public_key(), "nacre-admin", now));
  EXPECT_FALSE(
      attestation::VerifyAdminToken(token, key.public_key(), "nacre-admin", now + 61).ok());
}

TEST_F(KbsAdminTest, SaysWhatTheBrokerSays) {
  answer = net::MakeResponse(
      404, "application/json",
      attestation::SerializeErrorBody({"NotFound", "no resource a/b/c", "not-found", "1"}));
  EXPECT_STATUS(Call(), kNotFound, "404 not-found: no resource a/b/c");
  answer = net::MakeResponse(401, "text/plain", "no");
  EXPECT_STATUS(Call(), kUnauthenticated, "answers 401");
  answer.status = 500;
  EXPECT_STATUS(Call(), kInternal, "answers 500");
  answer.status = 503;
  EXPECT_STATUS(Call(), kUnavailable, "answers 503");
}

TEST_F(KbsAdminTest, OptionsThatCannotWorkAreNamed) {
  KbsAdminOptions good = admin;
  admin.url = "http://127.0.0.1:1";
  EXPECT_STATUS(Call(), kInvalidArgument, "--url");
  admin = good;
  admin.cert_path += ".missing";
  EXPECT_STATUS(Call(), kNotFound, "--cert");
  admin = good;
  admin.admin_key_path += ".missing";
  EXPECT_STATUS(Call(), kNotFound, "--admin-key");
  admin = good;
  admin.admin_key_path = admin.cert_path;
  EXPECT_STATUS(Call(), kInvalidArgument, "--admin-key");
}

TEST_F(KbsAdminTest, AnotherServerIsNotSpokenTo) {
  auto stranger = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  crypto::CertificateRequest request;
  request.subject = {{"CN", "broker"}};
  request.not_after = std::time(nullptr) + 3600;
  auto certificate = *crypto::MakeCertificate(request, stranger.public_key(), nullptr, stranger,
                                              crypto::SignatureScheme::kEcdsaSha256);
  ASSERT_OK(WriteFile(admin.cert_path, AsBytes(certificate.ToPem())));
  EXPECT_STATUS(Call(), kUnauthenticated, "127.0.0.1");
  EXPECT_EQ(last.method, "");
}

}  // namespace
}  // namespace nacre::cli
