#include "net/http_client.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include <condition_variable>
#include <csignal>
#include <mutex>

#include "base/strings.h"
#include "base/subprocess.h"
#include "net/http_server.h"
#include "net/test_peers.h"

namespace nacre::net {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

std::unique_ptr<HttpClient> MakeClient(HttpClientOptions options = {}) {
  auto client = HttpClient::Create(std::move(options));
  EXPECT_TRUE(client.ok()) << client.status();
  return std::move(client).value();
}

absl::StatusOr<HttpResponse> Get(HttpClient& client, const std::string& url) {
  return client.Send({.url = url});
}

std::string Text(const absl::Status& status) { return std::string(Message(status)); }

// Answers every connection with `answer` and closes.
ScriptedServer Answering(std::string answer) {
  return ScriptedServer([answer](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send(answer);
  });
}

absl::StatusOr<HttpResponse> GetFrom(std::string answer, HttpClientOptions options = {}) {
  ScriptedServer server = Answering(std::move(answer));
  return Get(*MakeClient(std::move(options)), server.url());
}

TEST(HttpClient, SendsWhatItWasGiven) {
  std::string seen;
  ScriptedServer server([&](RawSocket& socket, int) {
    seen = socket.ReadHead();
    while (seen.find("body!") == std::string::npos) seen += socket.ReadSome();
    socket.Send("HTTP/1.1 201 Created\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 2\r\n\r\nok");
  });
  auto client = MakeClient({.user_agent = "tester"});
  auto response = client->Send({.method = "POST",
                                .url = server.url("/p?q=1"),
                                .headers = {{"X-One", "1"}, {"X-One", "2"}},
                                .body = "body!"});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "ok");
  EXPECT_EQ(response->Header("X-a"), "1");
  EXPECT_EQ(response->Header("absent"), "");
  EXPECT_THAT(seen, testing::StartsWith("POST /p?q=1 HTTP/1.1\r\n"));
  EXPECT_THAT(seen, HasSubstr(StrCat("Host: 127.0.0.1:", server.port(), "\r\n")));
  EXPECT_THAT(seen, HasSubstr("User-Agent: tester\r\n"));
  EXPECT_THAT(seen, HasSubstr("X-One: 1\r\nX-One: 2\r\n"));
  EXPECT_THAT(seen, HasSubstr("Content-Length: 5\r\n"));
}

TEST(HttpClient, ReadsChunkedAndUntilCloseBodies) {
  EXPECT_EQ(GetFrom("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: x\r\n\r\n")
                .value()
                .body,
            "abcde");
  EXPECT_EQ(GetFrom("HTTP/1.1 200 OK\r\n\r\nuntil close").value().body, "until close");
  EXPECT_EQ(GetFrom("HTTP/1.0 204 No Content\r\n\r\n").value().body, "");
  EXPECT_EQ(GetFrom("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
                .value()
                .body,
            "x");
}

TEST(HttpClient, RedirectsAndErrorsAreResults) {
  auto response =
      GetFrom("HTTP/1.1 307 Temporary Redirect\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(response->status, 307);
  EXPECT_EQ(response->Header("location"), "/x");
  EXPECT_EQ(GetFrom("HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nwhy")->body, "why");
}

TEST(HttpClient, HeadHasNoBody) {
  ScriptedServer server = Answering("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  auto response = MakeClient()->Send({.method = "HEAD", .url = server.url()});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->Header("Content-Length"), "1000");
  EXPECT_EQ(response->body, "");
}

TEST(HttpClient, BodyLimitBelowAtAndAbove) {
  for (bool chunked : {false, true}) {
    auto get = [&](size_t size) {
      std::string body(size, 'x');
      char hex[16];
      snprintf(hex, sizeof hex, "%zx", size);
      return GetFrom(chunked
                         ? StrCat("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", hex,
                                  "\r\n", body, "\r\n0\r\n\r\n")
                         : StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", size, "\r\n\r\n", body),
                     {.max_body = 1000});
    };
    EXPECT_EQ(get(999)->body.size(), 999u);
    EXPECT_EQ(get(1000)->body.size(), 1000u);
    auto over = get(1001);
    EXPECT_EQ(over.status().code(), StatusCode::kResourceExhausted);
    EXPECT_THAT(Text(over.status()), HasSubstr("larger than 1000 bytes"));
  }
}

TEST(HttpClient, HeadLimit) {
  std::string long_head = StrCat("HTTP/1.1 200 OK\r\nX: ", std::string(3000, 'x'), "\r\n\r\n");
  EXPECT_TRUE(GetFrom(long_head, {.max_head = 4096}).ok());
  auto over = GetFrom(long_head, {.max_head = 2048});
  EXPECT_EQ(over.status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(Text(over.status()), HasSubstr("head of the answer is larger than 2048"));
}

class Garbage : public testing::TestWithParam<const char*> {};
TEST_P(Garbage, IsDataLossNamingThePeer) {
  ScriptedServer server = Answering(GetParam());
  auto response = Get(*MakeClient(), server.url());
  EXPECT_EQ(response.status().code(), StatusCode::kDataLoss) << response.status();
  EXPECT_THAT(Text(response.status()), HasSubstr(StrCat("127.0.0.1:", server.port())));
  EXPECT_EQ(Text(response.status()).find('\n'), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(
    HttpClient, Garbage,
    testing::Values("SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nNoColon\r\n\r\n", "HTTP/1.1 200 O",
                    "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n"));

TEST(HttpClient, EndlessInterimAnswersEnd) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(GetFrom(many).status().code(), StatusCode::kDataLoss);
}

TEST(HttpClient, ConnectionRefusedNamesHostPortAndCause) {
  uint16_t port = ClosedPort();
  auto response = Get(*MakeClient(), StrCat("http://127.0.0.1:", port, "/"));
  EXPECT_EQ(response.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Text(response.status()),
            StrCat("connecting to 127.0.0.1:", port, ": Connection refused"));
}

TEST(HttpClient, UnknownHostIsNamed) {
  auto response = Get(*MakeClient(), "http://no-such-host.invalid/");
  EXPECT_EQ(response.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(Text(response.status()), HasSubstr("looking up no-such-host.invalid: "));
}

TEST(HttpClient, CloseWithoutAnswerAndReset) {
  ScriptedServer closing([](RawSocket& socket, int) { socket.ReadHead(); });
  auto closed = Get(*MakeClient(), closing.url());
  EXPECT_EQ(closed.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(Text(closed.status()), HasSubstr("closed the connection without an answer"));
  ScriptedServer resetting([](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Reset();
  });
  EXPECT_EQ(Get(*MakeClient(), resetting.url()).status().code(), StatusCode::kUnavailable);
}

TEST(HttpClient, SilenceAndSlownessTimeOut) {
  ScriptedServer silent([](RawSocket& socket, int) { socket.ReadToEnd(); });
  auto idle = Get(*MakeClient({.idle_timeout_ms = 50}), silent.url());
  EXPECT_EQ(idle.status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Text(idle.status()), HasSubstr("no answer for 50 ms"));

  // Never silent for long, never done either.
  ScriptedServer drip([](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send("HTTP/1.1 200 OK\r\n\r\n");
    while (socket.Send("x")) std::this_thread::yield();
  });
  auto slow = MakeClient({.idle_timeout_ms = 5000, .total_timeout_ms = 100})
                  ->SendStreaming({.url = drip.url()}, [](ByteView) { return absl::OkStatus(); });
  EXPECT_EQ(slow.status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Text(slow.status()), HasSubstr("not done after 100 ms"));
}

TEST(HttpClient, SilentTlsServerTimesOut) {
  ScriptedServer silent([](RawSocket& socket, int) { socket.ReadToEnd(); });
  auto response = Get(*MakeClient({.connect_timeout_ms = 50}),
                      StrCat("https://127.0.0.1:", silent.port(), "/"));
  EXPECT_EQ(response.status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Text(response.status()), HasSubstr("TLS with 127.0.0.1:"));
}

TEST(HttpClient, BadRequestsAreRefusedBeforeSending) {
  auto client = MakeClient();
  auto code = [&](HttpRequest request) { return client->Send(request).status().code(); };
  EXPECT_EQ(code({.url = "nonsense"}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.method = "GE T", .url = "http://h/"}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.method = "", .url = "http://h/"}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.url = "http://h/", .headers = {{"A:", "b"}}}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.url = "http://h/", .headers = {{"A", "b\r\nC: d"}}}),
            StatusCode::kInvalidArgument);
}

TEST(HttpClient, StreamsPieceByPiece) {
  std::string big(300'000, 'z');
  ScriptedServer server =
      Answering(StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", big.size(), "\r\n\r\n", big));
  std::string got;
  size_t largest = 0;
  int heads = 0;
  auto response = MakeClient({.max_body = 10})
                      ->SendStreaming(
                          {.url = server.url()},
                          [&](ByteView piece) {
                            largest = std::max(largest, piece.size());
                            got += AsText(piece);
                            return absl::OkStatus();
                          },
                          [&](const HttpResponse& head) {
                            ++heads;
                            EXPECT_EQ(head.status, 200);
                            EXPECT_TRUE(got.empty());
                            return absl::OkStatus();
                          });
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(got, big);
  EXPECT_EQ(response->body, "");
  EXPECT_EQ(heads, 1);
  EXPECT_LE(largest, 256u << 10);
}

TEST(HttpClient, CallbacksCanEndTheExchange) {
  ScriptedServer server = Answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
  auto client = MakeClient();
  auto body = client->SendStreaming({.url = server.url()},
                                    [](ByteView) { return absl::AbortedError("enough"); });
  EXPECT_EQ(body.status(), absl::AbortedError("enough"));
  auto head = client->SendStreaming(
      {.url = server.url()}, [](ByteView) { return absl::OkStatus(); },
      [](const HttpResponse&) { return absl::NotFoundError("no"); });
  EXPECT_EQ(head.status(), absl::NotFoundError("no"));
}

TEST(HttpClient, StreamingKeepsARefusalInTheResult) {
  bool called = false;
  auto stream = [&](std::string answer) {
    ScriptedServer server = Answering(std::move(answer));
    return MakeClient()->SendStreaming({.url = server.url()}, [&](ByteView) {
      called = true;
      return absl::OkStatus();
    });
  };
  auto refusal = stream("HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nwhy?");
  EXPECT_EQ(refusal->body, "why?");
  auto huge = stream("HTTP/1.1 404 Not Found\r\n\r\n" + std::string(500'000, 'x'));
  ASSERT_TRUE(huge.ok()) << huge.status();
  EXPECT_LE(huge->body.size(), 64u << 10);
  EXPECT_FALSE(called);
}

TEST(HttpClient, KeepsAndReusesConnections) {
  std::atomic<int> requests{0};
  ScriptedServer server([&](RawSocket& socket, int) {
    while (!socket.ReadHead().empty()) {
      ++requests;
      socket.Send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    }
  });
  {
    auto client = MakeClient();
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(Get(*client, server.url()).ok());
    EXPECT_EQ(server.connections(), 1);
  }
  EXPECT_EQ(requests, 5);
}

TEST(HttpClient, ConnectionCloseIsHonoured) {
  ScriptedServer server =
      Answering("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx");
  auto client = MakeClient();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Get(*client, server.url()).ok());
  EXPECT_EQ(server.connections(), 3);
}

TEST(HttpClient, AConnectionClosedWhileIdleIsReplaced) {
  // Says keep-alive, and closes when the next request arrives.
  ScriptedServer server([](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    socket.ReadHead();
  });
  auto client = MakeClient();
  EXPECT_TRUE(Get(*client, server.url()).ok());
  auto again = Get(*client, server.url());
  EXPECT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(server.connections(), 2);
  // A POST may have been acted on: it is not sent twice.
  auto post = client->Send({.method = "POST", .url = server.url(), .body = "x"});
  EXPECT_EQ(post.status().code(), StatusCode::kUnavailable);
  client.reset();
}

TEST(HttpClient, AnEarlyRefusalIsReadThoughTheRequestWasCut) {
  ScriptedServer server([](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig");
    socket.ShutdownWrite();
    socket.ReadToEnd();
  });
  auto response =
      MakeClient()->Send({.method = "PUT", .url = server.url(), .body = std::string(2 << 20, 'x')});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 413);
}

TEST(HttpClient, CallsRunSideBySide) {
  // Each request is answered only when both have arrived.
  std::mutex mutex;
  std::condition_variable both;
  int arrived = 0;
  auto server = HttpServer::Start({}, [&](const HttpServerRequest&) {
    std::unique_lock lock(mutex);
    ++arrived;
    both.notify_all();
    bool met = both.wait_for(lock, std::chrono::seconds(10), [&] { return arrived == 2; });
    return MakeResponse(met ? 200 : 500, "text/plain", "");
  });
  auto client = MakeClient();
  int first = 0;
  std::thread other([&] { first = Get(*client, (*server)->url())->status; });
  EXPECT_EQ(Get(*client, (*server)->url())->status, 200);
  other.join();
  EXPECT_EQ(first, 200);
}

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
