// Who stands beside a registry: certificates of a root of one's own, and a server that gives out
// tokens as the distribution project's token authentication has them, for "user" with "pass".
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "crypto/key.h"
#include "crypto/x509.h"
#include "net/http_server.h"

namespace nacre::image::testing {

// "user" with the password "pass".
inline constexpr const char* kHtpasswd =
    "user:$2b$05$abcdefghijklmnopqrstuuZFBUbfXoM8LFiPx8LYlO/sXZB/Cwk3K\n";

// A server certificate for 127.0.0.1 and the root it is under.
class TlsIdentity {
 public:
  TlsIdentity();
  std::string root_pem() const { return root_.ToPem(); }
  std::string certificate_pem() const { return certificate_.ToPem(); }
  std::string key_pem() const;

 private:
  crypto::PrivateKey root_key_, key_;
  crypto::Certificate root_, certificate_;
};

class TokenServer {
 public:
  TokenServer();
  std::string url() const { return server_->url() + "/token"; }
  std::string host() const;  // "127.0.0.1:41234"
  std::string root() const { return certificate_.ToPem(); }
  int tokens() const { return tokens_; }
  std::string last_token();

  std::string wanted;  // the Authorization header without which a token gives no right
  // How long the n-th token lives from now on, in seconds; what the answer says is always a minute.
  std::function<int(int)> life = [](int) { return 60; };

 private:
  std::string Token(const net::HttpServerRequest& request);

  const crypto::PrivateKey key_;
  const crypto::Certificate certificate_;
  std::atomic<int> tokens_ = 0;
  std::mutex mutex_;  // of the next
  std::string last_token_;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace nacre::image::testing
