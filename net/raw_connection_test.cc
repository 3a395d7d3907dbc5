#include "net/raw_connection.h"

#include <gmock/gmock.h>

#include "base/status_testing.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/test_peers.h"

namespace nacre::net {
namespace {

constexpr int64_t kLongMs = 10'000;

std::unique_ptr<RawDialer> DialerTo(const std::string& url, const HttpClientOptions& options = {}) {
  auto parsed = ParseUrl(url);
  EXPECT_OK(parsed);
  auto dialer = RawDialer::Create(*parsed, options);
  EXPECT_OK(dialer);
  return *std::move(dialer);
}

TEST(RawConnection, SendsTheBytesAndSeesTheEnd) {
  ScriptedServer server([](RawSocket& socket, int) {
    std::string head = socket.ReadHead();
    socket.Send("got " + head);
  });
  auto connection = *DialerTo(server.url())->Start();
  EXPECT_FALSE(connection->open());
  connection->Queue("no ");
  connection->Queue("HTTP\r\n\r\n");
  ASSERT_OK(connection->RunUntil(Deadline::After(kLongMs), [&] { return connection->ended(); }));
  EXPECT_EQ(connection->received(), "got no HTTP\r\n\r\n");
  EXPECT_EQ(connection->unsent(), 0u);
}

TEST(RawConnection, ASilentPeerIsTooSlow) {
  ScriptedServer server([](RawSocket& socket, int) { socket.ReadSome(); });
  auto connection = *DialerTo(server.url())->Start();
  EXPECT_STATUS(connection->RunUntil(Deadline::After(30), [] { return false; }), kDeadlineExceeded,
                "127.0.0.1");
}

TEST(RawConnection, NobodyThereIsUnavailable) {
  auto dialer = DialerTo("http://127.0.0.1:" + std::to_string(ClosedPort()));
  auto connection = dialer->Start();
  absl::Status status = connection.status();
  if (connection.ok()) {
    status = (*connection)->RunUntil(Deadline::After(kLongMs), [] { return false; });
  }
  EXPECT_STATUS(status, kUnavailable, "connecting to 127.0.0.1");
}

TEST(RawConnection, TlsWithThePinnedServerOnly) {
  TestCertificates good = MakeCertificates("IP:127.0.0.1");
  TestCertificates other = MakeCertificates("IP:127.0.0.1");
  HttpServerOptions options;
  options.tls_certificate_chain_pem = good.server;
  options.tls_private_key_pem = good.key.Clone();
  auto server = *HttpServer::Start(std::move(options), [](const HttpServerRequest& request) {
    return MakeResponse(200, "text/plain", request.path);
  });
  auto connection = *DialerTo(server->url(), {.pinned_server_cert_pem = good.server})->Start();
  connection->Queue("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  ASSERT_OK(connection->RunUntil(Deadline::After(kLongMs), [] { return false; }));
  EXPECT_THAT(connection->received(), testing::EndsWith("/a"));

  connection = *DialerTo(server->url(), {.pinned_server_cert_pem = other.server})->Start();
  EXPECT_STATUS(connection->RunUntil(Deadline::After(kLongMs), [] { return false; }),
                kUnauthenticated, "pinned");

  connection = *DialerTo(server->url(), {.pinned_server_cert_pem = good.server})->StartPlain();
  connection->Queue("GET /a HTTP/1.1\r\n\r\n");
  ASSERT_OK(connection->RunUntil(Deadline::After(kLongMs), [&] { return connection->ended(); }));
}

}  // namespace
}  // namespace nacre::net
