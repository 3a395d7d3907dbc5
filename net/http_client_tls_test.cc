// Whom the client trusts: certificate authorities, pins, names, and another TLS stack's servers.
#include <fcntl.h>
#include <gmock/gmock.h>

#include <csignal>
#include <optional>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "net/http_client_testing.h"
#include "net/http_server.h"

namespace nacre::net {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

class HttpClientTls : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    good_ = new TestCertificates(MakeCertificates("IP:127.0.0.1,DNS:localhost"));
    other_ = new TestCertificates(MakeCertificates("DNS:elsewhere.example"));
  }
  static void TearDownTestSuite() {
    delete good_;
    delete other_;
  }
  static std::unique_ptr<HttpServer> Serve(const TestCertificates& certificates) {
    HttpServerOptions options;
    options.tls_certificate_chain_pem = certificates.server;
    options.tls_private_key_pem = certificates.key.Clone();
    auto server = HttpServer::Start(std::move(options), [](const HttpServerRequest& request) {
      return MakeResponse(200, "text/plain", request.method);
    });
    EXPECT_TRUE(server.ok()) << server.status();
    return std::move(server).value();
  }
  static absl::Status Try(const HttpServer& server, HttpClientOptions options,
                          std::string host = "127.0.0.1") {
    return Get(*MakeClient(std::move(options)), StrCat("https://", host, ":", server.port(), "/"))
        .status();
  }
  static TestCertificates* good_;
  static TestCertificates* other_;
};
TestCertificates* HttpClientTls::good_ = nullptr;
TestCertificates* HttpClientTls::other_ = nullptr;

TEST_F(HttpClientTls, TrustedCaWithAddressOrName) {
  auto server = Serve(*good_);
  EXPECT_EQ(Try(*server, {.trusted_ca_pem = good_->ca}), absl::OkStatus());
  EXPECT_EQ(Try(*server, {.trusted_ca_pem = good_->ca}, "localhost"), absl::OkStatus());
  EXPECT_EQ(Try(*server, {.trusted_ca_pem = other_->ca + good_->ca}), absl::OkStatus());
}

TEST_F(HttpClientTls, WrongCaSystemRootsAndWrongNameAreRefused) {
  auto server = Serve(*good_);
  EXPECT_EQ(Try(*server, {.trusted_ca_pem = other_->ca}).code(), StatusCode::kUnauthenticated);
  absl::Status unknown = Try(*server, {});
  EXPECT_EQ(unknown.code(), StatusCode::kUnauthenticated);
  EXPECT_THAT(Text(unknown), HasSubstr("certificate refused: "));
  auto elsewhere = Serve(*other_);
  absl::Status name = Try(*elsewhere, {.trusted_ca_pem = other_->ca}, "localhost");
  EXPECT_EQ(name.code(), StatusCode::kUnauthenticated);
  EXPECT_THAT(Text(name), HasSubstr("hostname mismatch"));
  absl::Status address = Try(*elsewhere, {.trusted_ca_pem = other_->ca});
  EXPECT_THAT(Text(address), HasSubstr("IP address mismatch"));
}

TEST_F(HttpClientTls, ExpiredIsRefused) {
  TestCertificates expired = MakeCertificates("IP:127.0.0.1", -1);
  auto server = Serve(expired);
  absl::Status status = Try(*server, {.trusted_ca_pem = expired.ca});
  EXPECT_EQ(status.code(), StatusCode::kUnauthenticated);
  EXPECT_THAT(Text(status), HasSubstr("expired"));
}

TEST_F(HttpClientTls, PinnedCertificateIsComparedByteForByte) {
  auto server = Serve(*good_);
  EXPECT_EQ(Try(*server, {.pinned_server_cert_pem = good_->server}), absl::OkStatus());
  absl::Status wrong = Try(*server, {.pinned_server_cert_pem = other_->server});
  EXPECT_EQ(wrong.code(), StatusCode::kUnauthenticated);
  EXPECT_EQ(Text(wrong), StrCat("TLS with 127.0.0.1:", server->port(),
                                ": certificate does not match the pinned one"));
  // Pinning the issuer is no pin of the server; names do not matter to a pin.
  EXPECT_FALSE(Try(*server, {.pinned_server_cert_pem = good_->ca}).ok());
  auto elsewhere = Serve(*other_);
  EXPECT_EQ(Try(*elsewhere, {.pinned_server_cert_pem = other_->server}), absl::OkStatus());
}

TEST_F(HttpClientTls, BadTrustIsRefusedAtOnce) {
  auto code = [](HttpClientOptions options) {
    return HttpClient::Create(std::move(options)).status().code();
  };
  EXPECT_EQ(code({.trusted_ca_pem = good_->ca, .pinned_server_cert_pem = good_->server}),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.trusted_ca_pem = "no certificate"}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.pinned_server_cert_pem = good_->server + good_->ca}),
            StatusCode::kInvalidArgument);
  std::string cut = good_->ca.substr(0, good_->ca.size() / 2);
  EXPECT_EQ(code({.trusted_ca_pem = good_->server + cut}), StatusCode::kInvalidArgument);
}

TEST_F(HttpClientTls, PlainServerOnATlsUrlAndTheReverse) {
  ScriptedServer plain([](RawSocket& socket, int) {
    socket.ReadSome();
    socket.Send("HTTP/1.1 400 Bad\r\n\r\n");
  });
  auto response = Get(*MakeClient(), StrCat("https://127.0.0.1:", plain.port(), "/"));
  EXPECT_FALSE(response.ok());
  EXPECT_THAT(Text(response.status()), HasSubstr(StrCat("TLS with 127.0.0.1:", plain.port())));
  auto server = Serve(*good_);
  EXPECT_FALSE(Get(*MakeClient(), StrCat("http://127.0.0.1:", server->port(), "/")).ok());
}

TEST_F(HttpClientTls, KeepsItsConnections) {
  auto server = Serve(*good_);
  auto client = MakeClient({.pinned_server_cert_pem = good_->server});
  for (int i = 0; i < 3; ++i) {
    auto response = client->Send({.method = "POST", .url = server->url(), .body = "x"});
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->body, "POST");
  }
}

// `openssl s_server -www`: another TLS stack's settings, HTTP/1.0, bodies that end with the stream.
class OpenSslServer {
 public:
  OpenSslServer(const TestCertificates& certificates, const std::string& version) {
    folder_.emplace(TemporaryDirectory::Create("nacre-net-test").value());
    const std::string certificate = folder_->path() + "/cert.pem";
    const std::string key = folder_->path() + "/key.pem";
    EXPECT_TRUE(WriteFile(certificate, AsBytes(certificates.server)).ok());
    EXPECT_TRUE(WriteFile(key, certificates.key.view()).ok());
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    UniqueFd read_end(ends[0]);
    UniqueFd write_end(ends[1]);
    auto started =
        Subprocess::Start({.argv = {"openssl", "s_server", "-www", "-accept", "127.0.0.1:0",
                                    "-cert", certificate, "-key", key, version},
                           .stdout_fd = write_end.get(),
                           .parent_death_signal = SIGKILL});
    EXPECT_TRUE(started.ok()) << started.status();
    server_.emplace(std::move(started).value());
    write_end.Reset();
    std::string said;
    char c;
    while (read(read_end.get(), &c, 1) == 1 && !(c == '\n' && said.find("ACCEPT") != said.npos)) {
      said += c;
    }
    EXPECT_TRUE(ParseNumber(std::string_view(said).substr(said.rfind(':') + 1), &port_)) << said;
  }
  ~OpenSslServer() {
    EXPECT_TRUE(server_->Kill(SIGKILL).ok());
    EXPECT_TRUE(server_->Wait().ok());
  }
  std::string url() const { return StrCat("https://127.0.0.1:", port_, "/"); }

 private:
  std::optional<TemporaryDirectory> folder_;
  std::optional<Subprocess> server_;
  uint16_t port_ = 0;
};

TEST_F(HttpClientTls, OpenSslServerWithEitherTrust) {
  OpenSslServer server(*good_, "-tls1_3");
  for (HttpClientOptions options : {HttpClientOptions{.trusted_ca_pem = good_->ca},
                                    HttpClientOptions{.pinned_server_cert_pem = good_->server}}) {
    auto response = Get(*MakeClient(options), server.url());
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->status, 200);
    EXPECT_THAT(response->body, HasSubstr("TLSv1.3"));
  }
  EXPECT_EQ(Get(*MakeClient({.trusted_ca_pem = other_->ca}), server.url()).status().code(),
            StatusCode::kUnauthenticated);
}

TEST_F(HttpClientTls, Tls12OnlyWhenAllowed) {
  OpenSslServer server(*good_, "-tls1_2");
  auto refused = Get(*MakeClient({.trusted_ca_pem = good_->ca}), server.url());
  EXPECT_EQ(refused.status().code(), StatusCode::kUnauthenticated);
  EXPECT_THAT(Text(refused.status()), HasSubstr("protocol version"));
  auto allowed =
      Get(*MakeClient({.trusted_ca_pem = good_->ca, .allow_tls_1_2 = true}), server.url());
  ASSERT_TRUE(allowed.ok()) << allowed.status();
  EXPECT_THAT(allowed->body, HasSubstr("TLSv1.2"));
}

}  // namespace
}  // namespace nacre::net
