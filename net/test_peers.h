// Raw peers for the HTTP tests: a server that plays a script, a client that sends bytes as they
// are, and certificates made by the openssl program.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/file.h"
#include "base/secret_bytes.h"
#include "base/unique_fd.h"

namespace nacre::net {

// A socket that listens on a loopback port of the kernel's choice.
UniqueFd ListenOnLoopback(uint16_t* port);
// Invalid when nobody listens there.
UniqueFd ConnectToLoopback(uint16_t port);

// A connected stream socket with a few verbs; every wait ends after 10 seconds.
class RawSocket {
 public:
  explicit RawSocket(UniqueFd fd);
  static RawSocket Connect(uint16_t port);
  // False once the peer is gone.
  bool Send(std::string_view text);
  // Through the end of a head, "\r\n\r\n", or what came before the end.
  std::string ReadHead();
  std::string ReadToEnd();
  std::string ReadSome();
  void ShutdownWrite();
  // Close with RST.
  void Reset();

 private:
  UniqueFd fd_;
};

// Accepts one connection after the other on a port of its own and hands each to `script`.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::function<void(RawSocket&, int connection)> script);
  ~ScriptedServer();
  uint16_t port() const { return port_; }
  std::string url(std::string_view path = "/") const;
  int connections() const { return connections_; }

 private:
  uint16_t port_ = 0;
  UniqueFd listener_;  // after port_, which its making fills in
  std::atomic<int> connections_{0};
  std::thread thread_;
};

// A port nothing listens on (bound and closed again).
uint16_t ClosedPort();

// A CA and a server certificate it signed, P-256.
struct TestCertificates {
  std::string ca;
  std::string server;  // leaf only
  SecretBytes key;
};
// `san` as openssl takes it: "IP:127.0.0.1,DNS:localhost". `days` may be negative: expired.
TestCertificates MakeCertificates(const std::string& san, int days = 2);

}  // namespace nacre::net
