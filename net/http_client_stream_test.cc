// Bodies of known length, which go straight from the socket to who takes them.
#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <mutex>

#include "base/strings.h"
#include "net/http_client_testing.h"

namespace nacre::net {
namespace {

using absl::StatusCode;

// Streams into `got`; `on_piece` sees each piece.
absl::Status Stream(
    HttpClient& client, const std::string& url, std::string* got,
    const std::function<void()>& on_piece = [] {}) {
  return client
      .SendStreaming({.url = url},
                     [&](ByteView piece) {
                       *got += AsText(piece);
                       on_piece();
                       return absl::OkStatus();
                     })
      .status();
}

TEST(HttpClientStream, BytesThatDripAreProgress) {
  // Each byte is sent when the one before has been taken, so that the time runs out for each.
  std::mutex mutex;
  std::condition_variable taken;
  size_t count = 0;
  const std::string body = "dripping";
  ScriptedServer server([&](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n");
    for (size_t i = 0; i < body.size(); ++i) {
      socket.Send(body.substr(i, 1));
      std::unique_lock lock(mutex);
      taken.wait_for(lock, std::chrono::seconds(10), [&] { return count > i; });
    }
  });
  std::string got;
  EXPECT_TRUE(Stream(*MakeClient({.idle_timeout_ms = 20}), server.url(), &got, [&] {
                const std::lock_guard lock(mutex);
                count = got.size();
                taken.notify_all();
              }).ok());
  EXPECT_EQ(got, body);
}

TEST(HttpClientStream, AStreamThatStopsOrEndsEarly) {
  ScriptedServer stops([](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
    socket.ReadToEnd();
  });
  std::string got;
  const absl::Status late = Stream(*MakeClient({.idle_timeout_ms = 50}), stops.url(), &got);
  EXPECT_EQ(late.code(), StatusCode::kDeadlineExceeded) << late;
  EXPECT_EQ(got, "half");
  got.clear();
  ScriptedServer ends = Answering("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
  const absl::Status cut = Stream(*MakeClient(), ends.url(), &got);
  EXPECT_EQ(cut.code(), StatusCode::kDataLoss) << cut;
  EXPECT_EQ(got, "half");
}

TEST(HttpClientStream, AStreamedConnectionIsKeptUnlessMoreComes) {
  const auto connections = [](const std::string& body) {
    ScriptedServer server([&](RawSocket& socket, int) {
      while (!socket.ReadHead().empty()) {
        if (!socket.Send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + body)) break;
      }
    });
    auto client = MakeClient();
    for (int i = 0; i < 3; ++i) {
      std::string got;
      EXPECT_TRUE(Stream(*client, server.url(), &got).ok());
      EXPECT_EQ(got, "abc");
    }
    client.reset();
    return server.connections();
  };
  EXPECT_EQ(connections("abc"), 1);
  EXPECT_EQ(connections("abcdef"), 3);
}

TEST(HttpClientStream, StreamLimitBelowAtAndAbove) {
  for (uint64_t limit : {2, 3, 4}) {
    ScriptedServer server = Answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    std::string got;
    const absl::Status status =
        Stream(*MakeClient({.max_streamed_body = limit}), server.url(), &got);
    EXPECT_EQ(status.code(), limit < 3 ? StatusCode::kResourceExhausted : StatusCode::kOk);
    EXPECT_EQ(got, limit < 3 ? "" : "abc");
  }
}

}  // namespace
}  // namespace nacre::net
