// What the tests of the HTTP client, with and without TLS, write often.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "net/http_client.h"
#include "net/test_peers.h"

namespace nacre::net {

inline std::unique_ptr<HttpClient> MakeClient(HttpClientOptions options = {}) {
  auto client = HttpClient::Create(std::move(options));
  EXPECT_TRUE(client.ok()) << client.status();
  return std::move(client).value();
}

inline absl::StatusOr<HttpResponse> Get(HttpClient& client, const std::string& url) {
  return client.Send({.url = url});
}

inline std::string Text(const absl::Status& status) { return std::string(Message(status)); }

// Answers every connection with `answer` and closes.
inline ScriptedServer Answering(std::string answer) {
  return ScriptedServer([answer](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send(answer);
  });
}

}  // namespace nacre::net
