#include "net/http_client.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>

#include "base/strings.h"
#include "net/http_client_testing.h"
#include "net/http_server.h"

namespace nacre::net {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

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

}  // namespace
}  // namespace nacre::net
