#include "net/http_server.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>

#include "base/strings.h"
#include "base/subprocess.h"
#include "net/http_client.h"
#include "net/test_peers.h"

namespace nacre::net {
namespace {

using absl::StatusCode;
using testing::HasSubstr;
using testing::StartsWith;

// Echoes what it was asked.
HttpResponse Echo(const HttpServerRequest& request) {
  return MakeResponse(
      200, "text/plain",
      StrCat(request.method, " ", request.path, " ? ", request.query, " : ", request.body));
}

std::unique_ptr<HttpServer> Serve(HttpServerOptions options = {},
                                  HttpServer::Handler handler = Echo) {
  auto server = HttpServer::Start(std::move(options), std::move(handler));
  EXPECT_TRUE(server.ok()) << server.status();
  return std::move(server).value();
}

std::string Ask(const HttpServer& server, std::string_view text) {
  RawSocket socket = RawSocket::Connect(server.port());
  socket.Send(text);
  socket.ShutdownWrite();
  return socket.ReadToEnd();
}

std::string Curl(std::vector<std::string> arguments) {
  SubprocessOptions options;
  options.argv = {"curl", "-sS", "--max-time", "10"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  auto result = RunCommand(options);
  EXPECT_TRUE(result.ok()) << result.status();
  return result->out + result->err;
}

TEST(HttpServer, AnswersCurl) {
  auto server = Serve();
  EXPECT_EQ(Curl({server->url() + "/a%20b?x=1&y"}), "GET /a%20b ? x=1&y : ");
  EXPECT_EQ(Curl({"-d", "body", server->url()}), "POST / ?  : body");
  EXPECT_EQ(Curl({"-T", "-", "-H", "Transfer-Encoding: chunked", server->url() + "/p"}),
            "PUT /p ?  : ");
  EXPECT_THAT(Curl({"-I", server->url()}), HasSubstr("Content-Length: 12"));
  EXPECT_EQ(Curl({server->url() + "/1", server->url() + "/2"}), "GET /1 ?  : GET /2 ?  : ");
}

TEST(HttpServer, CurlWaitsForContinue) {
  auto server = Serve();
  std::string body(2 << 10, 'b');
  EXPECT_EQ(Curl({"-H", "Expect: 100-continue", "-d", body, server->url()}), "POST / ?  : " + body);
}

TEST(HttpServer, HeadersPeerAndPipelining) {
  auto server = Serve({}, [](const HttpServerRequest& request) {
    EXPECT_THAT(request.peer, StartsWith("127.0.0.1:"));
    HttpResponse response = MakeResponse(200, "text/plain", std::string(request.Header("x-ONE")));
    response.headers.emplace_back("X-Two", "2");
    return response;
  });
  std::string answer =
      Ask(*server,
          "GET / HTTP/1.1\r\nHost: h\r\nX-One: 1\r\n\r\n"
          "GET / HTTP/1.1\r\nHost: h\r\nX-One: other\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("X-Two: 2\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\n1HTTP/1.1 200 OK"));
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\nother"));
}

TEST(HttpServer, TrailersAreNotHeaders) {
  auto server = Serve({}, [](const HttpServerRequest& request) {
    return MakeResponse(200, "text/plain", StrCat("[", request.Header("Authorization"), "]"));
  });
  EXPECT_THAT(Ask(*server,
                  "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "1\r\nx\r\n0\r\nAuthorization: Bearer root\r\n\r\n"),
              testing::EndsWith("[]"));
}

struct BadRequest {
  const char* text;
  const char* status;
};
class Refused : public testing::TestWithParam<BadRequest> {};
TEST_P(Refused, WithAReason) {
  bool handled = false;
  auto server = Serve({}, [&](const HttpServerRequest&) {
    handled = true;
    return HttpResponse();
  });
  EXPECT_THAT(Ask(*server, GetParam().text), StartsWith(StrCat("HTTP/1.1 ", GetParam().status)));
  EXPECT_FALSE(handled);
}
INSTANTIATE_TEST_SUITE_P(
    HttpServer, Refused,
    testing::Values(
        BadRequest{"garbage\r\n\r\n", "400"}, BadRequest{"\x16\x03\x01\x02\x01\x01\x01", "400"},
        BadRequest{"GET / HTTP/1.1\r\n\r\n", "400"},
        BadRequest{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
        BadRequest{"GET * HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        BadRequest{"GET x HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        BadRequest{"GET /#f HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        BadRequest{"GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        BadRequest{"GET / HTTP/2.0\r\nHost: h\r\n\r\n", "400"},
        BadRequest{"GET / HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n", "400"},
        BadRequest{"GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n", "400"},
        BadRequest{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", "400"},
        BadRequest{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                   "400"},
        BadRequest{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                   "400"},
        BadRequest{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "501"},
        BadRequest{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                   "400"}));

// Beast's tables hold 64 KiB a field; what is longer must end the request and nothing else.
TEST(HttpServer, AFieldLargerThanTheParserHoldsIsRefused) {
  HttpServerOptions options;
  options.max_head = 256 << 10;
  auto server = Serve(std::move(options));
  for (size_t size : {65'000u, 65'534u, 65'536u, 70'000u, 200'000u}) {
    std::string answer = Ask(
        *server, StrCat("GET / HTTP/1.1\r\nHost: h\r\nX: ", std::string(size, 'x'), "\r\n\r\n"));
    EXPECT_THAT(answer, StartsWith(size < 65'500 ? "HTTP/1.1 200" : "HTTP/1.1 431")) << size;
  }
  EXPECT_THAT(Ask(*server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST(HttpServer, HeadLimitBelowAtAndAbove) {
  HttpServerOptions options;
  options.max_head = 1024;
  auto server = Serve(std::move(options));
  auto ask = [&](size_t size) {
    std::string head = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
    head += std::string(size - head.size() - 4, 'x') + "\r\n\r\n";
    return Ask(*server, head);
  };
  EXPECT_THAT(ask(1023), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask(1024), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask(1025), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(ask(100'000), StartsWith("HTTP/1.1 431"));
}

TEST(HttpServer, BodyLimitBelowAtAndAbove) {
  HttpServerOptions options;
  options.max_body = 1000;
  auto server = Serve(std::move(options));
  auto announced = [&](size_t size) {
    return Ask(*server, StrCat("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ", size, "\r\n\r\n",
                               std::string(size, 'x')));
  };
  auto chunked = [&](size_t size) {
    char hex[16];
    snprintf(hex, sizeof hex, "%zx", size);
    return Ask(*server, StrCat("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
                               hex, "\r\n", std::string(size, 'x'), "\r\n0\r\n\r\n"));
  };
  for (size_t size : {999, 1000}) {
    EXPECT_THAT(announced(size), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(chunked(size), StartsWith("HTTP/1.1 200"));
  }
  for (size_t size : {1001, 200'000}) {
    EXPECT_THAT(announced(size), StartsWith("HTTP/1.1 413"));
    EXPECT_THAT(chunked(size), StartsWith("HTTP/1.1 413"));
  }
  // A real client that sends it all still reads the refusal.
  EXPECT_THAT(Curl({"-i", "-d", std::string(100'000, 'x'), server->url()}),
              HasSubstr("the body is larger than 1000 bytes"));
}

TEST(HttpServer, SlowClientsAreToldAndCut) {
  HttpServerOptions options;
  options.head_timeout_ms = 100;
  options.body_timeout_ms = 100;
  auto server = Serve(std::move(options));
  RawSocket head = RawSocket::Connect(server->port());
  head.Send("GET / HTTP/1.1\r\n");
  EXPECT_THAT(head.ReadToEnd(), StartsWith("HTTP/1.1 408"));
  RawSocket body = RawSocket::Connect(server->port());
  body.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_THAT(body.ReadToEnd(), StartsWith("HTTP/1.1 408"));
  RawSocket silent = RawSocket::Connect(server->port());
  EXPECT_EQ(silent.ReadToEnd(), "");
}

TEST(HttpServer, ATrickleGainsNothing) {
  HttpServerOptions options;
  options.head_timeout_ms = 150;
  auto server = Serve(std::move(options));
  RawSocket socket = RawSocket::Connect(server->port());
  socket.Send("GET / HTTP/1.1\r\nX: ");
  std::atomic<bool> stop{false};
  std::thread trickle([&] {
    while (!stop && socket.Send("x")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  });
  EXPECT_THAT(socket.ReadHead(), StartsWith("HTTP/1.1 408"));
  stop = true;
  trickle.join();
}

TEST(HttpServer, IdleConnectionsAreClosed) {
  HttpServerOptions options;
  options.idle_timeout_ms = 50;
  auto server = Serve(std::move(options));
  RawSocket socket = RawSocket::Connect(server->port());
  socket.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(socket.ReadToEnd(), testing::EndsWith("GET / ?  : "));
}

TEST(HttpServer, SlowClientsDoNotHoldUpOthers) {
  auto server = Serve();
  std::vector<RawSocket> slow;
  for (int i = 0; i < 50; ++i) {
    slow.push_back(RawSocket::Connect(server->port()));
    slow.back().Send("GET / HT");
  }
  EXPECT_THAT(Ask(*server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST(HttpServer, AtTheConnectionLimitNewcomersWait) {
  HttpServerOptions options;
  options.max_connections = 2;
  options.head_timeout_ms = 200;
  auto server = Serve(std::move(options));
  RawSocket one = RawSocket::Connect(server->port());
  one.Send("GET / HT");
  RawSocket two = RawSocket::Connect(server->port());
  two.Send("GET / HT");
  // Served when the first two have run out of time.
  EXPECT_THAT(Ask(*server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST(HttpServer, AtTheConnectionLimitAnIdleOneMakesRoom) {
  HttpServerOptions options;
  options.max_connections = 1;
  auto server = Serve(std::move(options));
  RawSocket idle = RawSocket::Connect(server->port());
  idle.Send("GET /idle HTTP/1.1\r\nHost: h\r\n\r\n");
  idle.ReadHead();
  EXPECT_THAT(Ask(*server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(idle.ReadToEnd(), testing::EndsWith(" : "));
}

TEST(HttpServer, EarlyCloseHarmsNobody) {
  auto server = Serve();
  for (const char* part : {"", "GET", "GET / HTTP/1.1\r\nHost: h\r\n",
                           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab"}) {
    EXPECT_EQ(Ask(*server, part), "");
    RawSocket socket = RawSocket::Connect(server->port());
    socket.Send(part);
    socket.Reset();
  }
  EXPECT_THAT(Ask(*server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST(HttpServer, AClientThatDoesNotReadIsCut) {
  HttpServerOptions options;
  options.write_timeout_ms = 100;
  std::string big(32 << 20, 'x');
  auto server = Serve(std::move(options), [&](const HttpServerRequest&) {
    return MakeResponse(200, "text/plain", big);
  });
  RawSocket socket = RawSocket::Connect(server->port());
  socket.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  socket.ReadHead();
  server->Stop();  // waits for the answer under way, which the timer ends
  EXPECT_LT(socket.ReadToEnd().size(), big.size());
}

TEST(HttpServer, HandlerFailuresAreAnswered) {
  auto server = Serve({}, [](const HttpServerRequest& request) -> HttpResponse {
    if (request.path == "/throw") throw std::runtime_error("secret detail");
    if (request.path == "/split") return {200, {{"X", "a\r\nY: b"}}, ""};
    if (request.path == "/status") return {99, {}, ""};
    return {204, {}, "dropped"};
  });
  EXPECT_EQ(Curl({"-w", " %{http_code}", server->url() + "/throw"}), "internal error\n 500");
  EXPECT_THAT(Curl({"-w", " %{http_code}", server->url() + "/split"}), HasSubstr(" 500"));
  EXPECT_THAT(Curl({"-w", " %{http_code}", server->url() + "/status"}), HasSubstr(" 500"));
  EXPECT_EQ(Curl({"-w", " %{http_code}", server->url() + "/empty"}), " 204");
}

TEST(HttpServer, WhatTheFirstTryLeavesGoesToTheHandler) {
  HttpServerOptions options;
  options.first_try = [](const HttpServerRequest& request) -> std::optional<HttpResponse> {
    if (request.path == "/throw") throw std::runtime_error("secret detail");
    if (request.path != "/quick") return std::nullopt;
    return MakeResponse(200, "text/plain", "at once " + request.body);
  };
  auto server = Serve(std::move(options));
  EXPECT_EQ(Curl({"-d", "x", server->url() + "/quick"}), "at once x");
  EXPECT_EQ(Curl({"-d", "x", server->url() + "/other"}), "POST /other ?  : x");
  EXPECT_EQ(Curl({server->url() + "/throw"}), "internal error\n");
  const std::string quick = "GET /quick HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string other = "GET /other HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_THAT(Ask(*server, StrCat(quick, other, quick, quick, other)),
              testing::ContainsRegex("once .*/other.*once .*once .*/other"));
}

TEST(HttpServer, AnAnswerMayComeLater) {
  std::mutex mutex;
  std::vector<HttpReply> waiting;
  HttpServerOptions options;
  options.handler_threads = 1;
  auto server = HttpServer::Start(
      std::move(options),
      HttpServer::LateHandler([&](const HttpServerRequest& request, const HttpReply& reply) {
        if (request.path == "/throw") throw std::runtime_error("secret detail");
        if (request.path == "/forgotten") return;
        if (request.path == "/twice") {
          reply.Send(MakeResponse(200, "text/plain", "first"));
          reply.Send(MakeResponse(200, "text/plain", "second"));
          return;
        }
        const std::lock_guard lock(mutex);
        waiting.push_back(reply);
        if (waiting.size() < 3) return;
        for (const HttpReply& other : waiting) other.Send(MakeResponse(200, "text/plain", "all"));
        waiting.clear();
      }));
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string url = (*server)->url();
  // Three wait at once, though there is one thread.
  std::vector<std::string> answers(3);
  std::vector<std::jthread> clients;
  for (std::string& answer : answers) {
    clients.emplace_back([&] { answer = Curl({url + "/together"}); });
  }
  clients.clear();
  EXPECT_THAT(answers, testing::Each("all"));
  EXPECT_EQ(Curl({url + "/forgotten"}), "internal error\n");
  EXPECT_EQ(Curl({url + "/throw"}), "internal error\n");
  EXPECT_EQ(Curl({url + "/twice"}), "first");
}

TEST(HttpServer, StopLetsARequestFinish) {
  std::mutex mutex;
  std::condition_variable changed;
  bool running = false;
  bool release = false;
  auto server = Serve({}, [&](const HttpServerRequest&) {
    std::unique_lock lock(mutex);
    running = true;
    changed.notify_all();
    changed.wait(lock, [&] { return release; });
    return MakeResponse(200, "text/plain", "finished");
  });
  RawSocket idle = RawSocket::Connect(server->port());
  RawSocket socket = RawSocket::Connect(server->port());
  socket.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return running; });
  lock.unlock();
  std::thread stopper([&] { server->Stop(); });
  EXPECT_EQ(idle.ReadToEnd(), "");  // closed by the stop, before the request ends
  lock.lock();
  release = true;
  changed.notify_all();
  lock.unlock();
  stopper.join();
  std::string answer = socket.ReadToEnd();
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, testing::EndsWith("finished"));
  server->Stop();
}

TEST(HttpServer, BadOptionsAreNamed) {
  HttpServerOptions name;
  name.address = "localhost";
  auto bad = HttpServer::Start(std::move(name), Echo);
  EXPECT_EQ(bad.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Message(bad.status()), "'localhost' is not an IP address");
  auto server = Serve();
  HttpServerOptions busy;
  busy.port = server->port();
  auto taken = HttpServer::Start(std::move(busy), Echo);
  EXPECT_EQ(taken.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Message(taken.status()),
            StrCat("listening on 127.0.0.1:", server->port(), ": Address already in use"));
}

TEST(HttpServerTls, SpeaksTls13Only) {
  TestCertificates certificates = MakeCertificates("IP:127.0.0.1");
  auto folder = TemporaryDirectory::Create("nacre-net-test").value();
  std::string ca = folder.path() + "/ca.pem";
  ASSERT_TRUE(WriteFile(ca, AsBytes(certificates.ca)).ok());
  HttpServerOptions options;
  options.tls_certificate_chain_pem = certificates.server;
  options.tls_private_key_pem = certificates.key.Clone();
  auto server = Serve(std::move(options));
  EXPECT_THAT(server->url(), StartsWith("https://127.0.0.1:"));
  EXPECT_EQ(Curl({"--cacert", ca, "-d", "x", server->url()}), "POST / ?  : x");
  EXPECT_THAT(Curl({"--cacert", ca, "--tls-max", "1.2", server->url()}),
              HasSubstr("protocol version"));
  EXPECT_THAT(Ask(*server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), testing::Not(HasSubstr("200")));
}

TEST(HttpServerTls, ReloadsItsCertificate) {
  TestCertificates first = MakeCertificates("IP:127.0.0.1");
  TestCertificates second = MakeCertificates("IP:127.0.0.1");
  HttpServerOptions options;
  options.tls_certificate_chain_pem = first.server;
  options.tls_private_key_pem = first.key.Clone();
  auto server = Serve(std::move(options));
  auto sees = [&](const TestCertificates& certificates) {
    auto client = HttpClient::Create({.pinned_server_cert_pem = certificates.server});
    return (*client)->Send({.url = server->url()}).ok();
  };
  EXPECT_TRUE(sees(first));
  EXPECT_EQ(server->ReloadCertificate(second.server, first.key).code(),
            StatusCode::kInvalidArgument);
  EXPECT_TRUE(sees(first));
  EXPECT_TRUE(server->ReloadCertificate(second.server, second.key).ok());
  EXPECT_FALSE(sees(first));
  EXPECT_TRUE(sees(second));
}

TEST(HttpServerTls, BadPairsAreRefused) {
  TestCertificates one = MakeCertificates("IP:127.0.0.1");
  TestCertificates other = MakeCertificates("IP:127.0.0.1");
  auto start = [](std::string chain, SecretBytes key) {
    HttpServerOptions options;
    options.tls_certificate_chain_pem = std::move(chain);
    options.tls_private_key_pem = std::move(key);
    return HttpServer::Start(std::move(options), Echo).status();
  };
  EXPECT_EQ(Message(start(one.server, other.key.Clone())),
            "server key: does not belong to the server certificate");
  EXPECT_EQ(start(one.server, {}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(start("", one.key.Clone()).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(start("junk", one.key.Clone()).code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace nacre::net
