// A guest's client over TLS to a broker: the whole way of a secret, and of a refusal.
#include <gmock/gmock.h>

#include "attestation/broker/testing.h"
#include "attestation/client/kbs_client.h"
#include "attestation/protocol/limits.h"
#include "base/status_testing.h"
#include "net/http_client.h"

namespace nacre::attestation::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A broker in this process behind its HTTPS server.
class HttpsTest : public ::testing::Test {
 protected:
  HttpsTest() {
    broker.Provision();
    net::HttpServerOptions options;
    options.tls_certificate_chain_pem = Certificate();
    options.tls_private_key_pem =
        SecretBytes::TakeFrom(*ReadFile(broker.folder() + "/kbs/tls.key", 1 << 16));
    options.max_body = kMaxMessageSize;
    options.max_head = 128 << 10;
    server = *net::HttpServer::Start(std::move(options), [this](const auto& request) {
      return broker.broker().Handle(request).response;
    });
  }
  ~HttpsTest() override { server->Stop(); }

  std::string Certificate() { return *ReadTextFile(broker.folder() + "/kbs/tls.pem", 1 << 16); }
  std::unique_ptr<KbsClient> Client(tee::EvidenceSource& source, std::string command_line) {
    KbsClientOptions options;
    options.url = server->url();
    options.pinned_server_cert_pem = Certificate();
    options.evidence_source = &source;
    options.launch_hint = LaunchHint{std::move(command_line), 1};
    return *KbsClient::Create(std::move(options));
  }

  TestBroker broker;
  std::unique_ptr<net::HttpServer> server;
};

TEST_F(HttpsTest, AGuestGetsItsSecret) {
  ChipEvidenceSource source(Chip::Get().Launch());
  auto client = Client(source, Chip::Get().Launch().command_line);
  ASSERT_OK_AND_ASSIGN(SecretBytes contents, client->GetResource("kbs:///default/key/1"));
  EXPECT_EQ(AsText(contents.view()), "secret");
  EXPECT_STATUS(client->GetResource("kbs:///default/key/2"), kNotFound, "not-found");
  EXPECT_EQ(client->timings().handshakes, 1u);
}

TEST_F(HttpsTest, AGuestsDenialsReachItsOwner) {
  ChipEvidenceSource source(Chip::Get().Launch());
  auto client = Client(source, Chip::Get().Launch().command_line);
  const std::vector<GuestDenial> denials = {{1, "ExecProcessRequest", "no rule allows it"},
                                            {5, "SignalProcessRequest", "signal 9"}};
  ASSERT_OK(client->ReportDenials(denials));
  ASSERT_OK(client->ReportDenials(denials));
  const Json list = *ParseJson(broker.Admin("GET", "/kbs/v0/admin/denials").response.body);
  ASSERT_EQ(list["denials"].size(), 2u);
  EXPECT_EQ(list["denials"][1]["id"], 5);
  EXPECT_EQ(list["denials"][1]["explanation"], "signal 9");
  EXPECT_EQ(list["denials"][1]["reference"], "pearl");
}

TEST_F(HttpsTest, AChangedGuestIsRefusedAndTheOwnerReadsWhy) {
  const std::string changed = "console=ttyS0 quiet nacre.demo=changed";
  ChipEvidenceSource source(Chip::Get().Launch(changed));
  auto refusal = Client(source, changed)->GetResource("kbs:///default/key/1").status();
  EXPECT_STATUS(refusal, kUnauthenticated, "launch-measurement (id ");
  EXPECT_THAT(std::string(refusal.message()), Not(HasSubstr("nacre.demo")));
  Json explanation = broker.LastExplanation();
  EXPECT_THAT(std::string(refusal.message()), HasSubstr(explanation["id"].get<std::string>()));
  EXPECT_THAT(explanation["summary"].get<std::string>(),
              HasSubstr("expected nothing, got 'nacre.demo=changed'"));
}

TEST_F(HttpsTest, BodiesAreBounded) {
  ASSERT_OK_AND_ASSIGN(
      auto http,
      net::HttpClient::Create({.trusted_ca_pem = {}, .pinned_server_cert_pem = Certificate()}));
  net::HttpRequest request;
  request.method = "POST";
  request.url = server->url() + "/kbs/v0/attest";
  request.body.assign(kMaxMessageSize, ' ');
  ASSERT_OK_AND_ASSIGN(net::HttpResponse at_limit, http->Send(request));
  EXPECT_EQ(at_limit.status, 401);  // read, and refused for having no session
  request.body.push_back(' ');
  ASSERT_OK_AND_ASSIGN(net::HttpResponse above, http->Send(request));
  EXPECT_EQ(above.status, 413);
}

}  // namespace
}  // namespace nacre::attestation::testing
