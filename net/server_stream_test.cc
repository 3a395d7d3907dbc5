#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include <thread>

#include "base/strings.h"
#include "net/http_server.h"
#include "net/test_peers.h"

namespace nacre::net {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kLastGet = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

// A TLS client whose ciphertext the test moves itself, so that it can cut and hold it back.
class TlsPeer {
 public:
  explicit TlsPeer(uint16_t port)
      : socket_(RawSocket::Connect(port)),
        context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
        ssl_(SSL_new(context_.get()), SSL_free) {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(ssl_.get()), -1);
    SSL_set_connect_state(ssl_.get());
  }

  bool Handshake() {
    while (SSL_do_handshake(ssl_.get()) != 1) {
      socket_.Send(Ciphertext());
      if (!Receive()) return false;
    }
    socket_.Send(Ciphertext());
    return true;
  }
  // One record each time, not sent.
  std::string Sealed(std::string_view text) {
    SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
    return Ciphertext();
  }
  bool Send(std::string_view text) { return socket_.Send(Sealed(text)); }
  bool SendRaw(std::string_view ciphertext) { return socket_.Send(ciphertext); }
  void AskForKeyUpdate() { SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED); }
  // A record of its own, not sent.
  std::string SealedKeyUpdate() {
    SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED);
    EXPECT_EQ(SSL_do_handshake(ssl_.get()), 1);
    return Ciphertext();
  }

  // Through `end`, or all that came before the peer's close_notify or the end.
  std::string ReadUntil(std::string_view end = {}) {
    std::string text;
    char room[4096];
    while (end.empty() || !text.ends_with(end)) {
      const int got = SSL_read(ssl_.get(), room, sizeof room);
      if (got > 0) {
        text.append(room, static_cast<size_t>(got));
        continue;
      }
      closed_ = SSL_get_error(ssl_.get(), got) == SSL_ERROR_ZERO_RETURN;
      if (closed_ || !Receive()) break;
      socket_.Send(Ciphertext());
    }
    return text;
  }
  bool closed_in_order() const { return closed_; }
  RawSocket& socket() { return socket_; }

 private:
  std::string Ciphertext() {
    char* data = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &data);
    std::string out(data, static_cast<size_t>(size));
    BIO_reset(SSL_get_wbio(ssl_.get()));
    return out;
  }
  bool Receive() {
    const std::string some = socket_.ReadSome();
    BIO_write(SSL_get_rbio(ssl_.get()), some.data(), static_cast<int>(some.size()));
    return !some.empty();
  }

  RawSocket socket_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  bool closed_ = false;
};

class ServerStreamTest : public testing::Test {
 protected:
  // Answers with what it was sent, or with the "big" one.
  void Serve(HttpServerOptions options = {}) {
    static const TestCertificates certificates = MakeCertificates("IP:127.0.0.1");
    options.tls_certificate_chain_pem = certificates.server;
    options.tls_private_key_pem = certificates.key.Clone();
    auto server = HttpServer::Start(std::move(options), [this](const HttpServerRequest& request) {
      const bool big = request.path == "/big";
      return MakeResponse(200, "text/plain", big ? big_ : StrCat("<", request.body, ">"));
    });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = std::move(server).value();
  }
  void ExpectStillServing() {
    TlsPeer peer(server_->port());
    ASSERT_TRUE(peer.Handshake());
    peer.Send(kLastGet);
    EXPECT_THAT(peer.ReadUntil(), EndsWith("\r\n\r\n<>"));
    EXPECT_TRUE(peer.closed_in_order());
  }

  const std::string big_ = std::string(8 << 20, 'x') + "end";
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ServerStreamTest, KeepsConnectionsAndClosesInOrder) {
  Serve();
  TlsPeer peer(server_->port());
  ASSERT_TRUE(peer.Handshake());
  for (int i = 0; i < 3; ++i) {
    peer.Send(kGet);
    EXPECT_THAT(peer.ReadUntil("<>"), StartsWith("HTTP/1.1 200 OK\r\n"));
  }
  peer.Send(kLastGet);
  EXPECT_THAT(peer.ReadUntil(), HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(peer.closed_in_order());
}

TEST_F(ServerStreamTest, CiphertextMayComeInAnyPieces) {
  Serve();
  TlsPeer peer(server_->port());
  ASSERT_TRUE(peer.Handshake());
  const std::string body(40'000, 'b');
  std::string ciphertext = peer.Sealed(
      StrCat("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
  for (size_t size = 1; !ciphertext.empty(); size = size * 2 + 1) {
    ASSERT_TRUE(peer.SendRaw(ciphertext.substr(0, size)));
    ciphertext.erase(0, size);
  }
  EXPECT_THAT(peer.ReadUntil(">"), EndsWith(StrCat("<", body, ">")));
}

TEST_F(ServerStreamTest, AByteInEachRecord) {
  Serve();
  TlsPeer peer(server_->port());
  ASSERT_TRUE(peer.Handshake());
  std::string ciphertext;
  for (const char c : std::string("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")) {
    ciphertext += peer.Sealed(std::string(1, c));
  }
  peer.SendRaw(ciphertext);
  EXPECT_THAT(peer.ReadUntil(">"), EndsWith("<hello>"));
}

// What is read ahead of the first request does not make the socket readable again.
TEST_F(ServerStreamTest, PipelinedRequestsAreAllAnswered) {
  Serve();
  TlsPeer peer(server_->port());
  ASSERT_TRUE(peer.Handshake());
  std::string ciphertext;
  for (int i = 0; i < 20; ++i) ciphertext += peer.Sealed(kGet);
  ciphertext += peer.Sealed(StrCat(kGet, kGet, kLastGet));
  peer.SendRaw(ciphertext);
  const std::string answers = peer.ReadUntil();
  size_t count = 0;
  for (size_t at = 0; (at = answers.find("\r\n\r\n<>", at)) != std::string::npos; ++at) ++count;
  EXPECT_EQ(count, 23u);
}

TEST_F(ServerStreamTest, ALargeAnswerWaitsForItsReader) {
  Serve();
  TlsPeer peer(server_->port());
  ASSERT_TRUE(peer.Handshake());
  peer.Send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  ExpectStillServing();  // the answer fills the socket meanwhile
  const std::string answer = peer.ReadUntil("end");
  EXPECT_TRUE(answer.ends_with(big_));
}

TEST_F(ServerStreamTest, AReaderThatStopsIsCut) {
  Serve({.write_timeout_ms = 100});
  TlsPeer peer(server_->port());
  ASSERT_TRUE(peer.Handshake());
  peer.Send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  server_->Stop();  // waits for the answer under way, which the clock ends
  EXPECT_LT(peer.ReadUntil().size(), big_.size());
}

TEST_F(ServerStreamTest, KeysMayBeUpdated) {
  Serve();
  TlsPeer peer(server_->port());
  ASSERT_TRUE(peer.Handshake());
  for (int i = 0; i < 3; ++i) {
    peer.AskForKeyUpdate();
    peer.Send(kGet);
    EXPECT_THAT(peer.ReadUntil("<>"), EndsWith("\r\n\r\n<>"));
  }
}

TEST_F(ServerStreamTest, AClientWithoutPauseDoesNotHoldUpOthers) {
  Serve({.max_body = 1 << 30, .body_timeout_ms = 60'000});
  TlsPeer busy(server_->port());
  ASSERT_TRUE(busy.Handshake());
  busy.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n");
  const std::string record = std::string(16 << 10, 'x');
  std::atomic<bool> stop{false};
  std::thread flood([&] {
    while (!stop && busy.Send(record)) continue;
  });
  for (int i = 0; i < 5; ++i) ExpectStillServing();
  stop = true;
  busy.socket().ShutdownWrite();
  flood.join();
}

// No data, so that one call of SSL_read sees them all.
TEST_F(ServerStreamTest, AFloodOfKeyUpdatesDoesNotHoldUpOthers) {
  Serve({.idle_timeout_ms = 60'000});
  TlsPeer busy(server_->port());
  ASSERT_TRUE(busy.Handshake());
  std::atomic<bool> stop{false};
  std::thread flood([&] {
    while (!stop) {
      std::string updates;
      for (int i = 0; i < 100; ++i) updates += busy.SealedKeyUpdate();
      if (!busy.SendRaw(updates)) break;
    }
  });
  for (int i = 0; i < 3; ++i) ExpectStillServing();
  stop = true;
  busy.socket().ShutdownWrite();
  flood.join();
}

TEST_F(ServerStreamTest, AnIdleOneIsToldToGo) {
  Serve({.idle_timeout_ms = 50});
  TlsPeer peer(server_->port());
  ASSERT_TRUE(peer.Handshake());
  peer.Send(kGet);
  EXPECT_THAT(peer.ReadUntil(), EndsWith("<>"));
  EXPECT_TRUE(peer.closed_in_order());
}

// Pieces of a record that is never whole are no request.
TEST_F(ServerStreamTest, APartOfARecordDoesNotStopTheIdleClock) {
  Serve({.idle_timeout_ms = 100});
  TlsPeer peer(server_->port());
  ASSERT_TRUE(peer.Handshake());
  peer.Send(kGet);
  peer.ReadUntil("<>");
  const std::string record = peer.Sealed(kGet);
  std::atomic<bool> stop{false};
  std::thread trickle([&] {
    for (size_t i = 0; i + 1 < record.size() && !stop; ++i) {
      if (!peer.SendRaw(record.substr(i, 1))) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  EXPECT_EQ(peer.ReadUntil(), "");
  EXPECT_TRUE(peer.closed_in_order());
  stop = true;
  trickle.join();
}

TEST_F(ServerStreamTest, TheClockMayBeSetBackAndForth) {
  // The idle clock ends before the one of the head that slept in its place.
  Serve({.head_timeout_ms = 60'000, .idle_timeout_ms = 500});
  TlsPeer peer(server_->port());
  ASSERT_TRUE(peer.Handshake());
  for (int i = 0; i < 5; ++i) {
    peer.Send(kGet);
    EXPECT_THAT(peer.ReadUntil("<>"), EndsWith("<>"));
  }
  EXPECT_EQ(peer.ReadUntil(), "");
  EXPECT_TRUE(peer.closed_in_order());
}

TEST_F(ServerStreamTest, AHandshakeHasATime) {
  Serve({.head_timeout_ms = 100});
  RawSocket silent = RawSocket::Connect(server_->port());
  EXPECT_EQ(silent.ReadToEnd(), "");
  RawSocket half = RawSocket::Connect(server_->port());
  half.Send(std::string_view("\x16\x03\x01\x02\x00\x01", 6));
  EXPECT_EQ(half.ReadToEnd(), "");
  ExpectStillServing();
}

TEST_F(ServerStreamTest, WhatIsNoTlsIsRefused) {
  Serve();
  EXPECT_THAT(([&] {
                RawSocket socket = RawSocket::Connect(server_->port());
                socket.Send(kGet);
                return socket.ReadToEnd();
              })(),
              testing::Not(HasSubstr("HTTP/1.1")));
  TlsPeer peer(server_->port());
  ASSERT_TRUE(peer.Handshake());
  std::string record = peer.Sealed(kGet);
  record.back() = static_cast<char>(record.back() ^ 1);
  peer.SendRaw(record);
  EXPECT_EQ(peer.ReadUntil(), "");
  EXPECT_FALSE(peer.closed_in_order());  // an alert, no good-bye
  ExpectStillServing();
}

// An end without close_notify is a cut: a request that it leaves unfinished is not served.
TEST_F(ServerStreamTest, ACutHarmsNobody) {
  Serve();
  for (const std::string_view part :
       {std::string_view(), kGet.substr(0, 9),
        std::string_view("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab")}) {
    TlsPeer cut(server_->port());
    ASSERT_TRUE(cut.Handshake());
    cut.Send(part);
    cut.socket().ShutdownWrite();
    EXPECT_EQ(cut.ReadUntil(), "");
    TlsPeer reset(server_->port());
    ASSERT_TRUE(reset.Handshake());
    reset.Send(part);
    reset.socket().Reset();
  }
  ExpectStillServing();
}

}  // namespace
}  // namespace nacre::net
