#include "net/test_peers.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/strings.h"
#include "base/subprocess.h"

namespace nacre::net {
namespace {

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

UniqueFd Bound(uint16_t* port) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  *port = ntohs(address.sin_port);
  return fd;
}

void OpenSsl(const std::string& folder, std::vector<std::string> arguments) {
  SubprocessOptions options;
  options.argv = {"openssl"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.working_directory = folder;
  auto result = RunCommand(options);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->exit.code, 0) << result->err;
}

}  // namespace

UniqueFd ListenOnLoopback(uint16_t* port) {
  UniqueFd fd = Bound(port);
  EXPECT_EQ(listen(fd.get(), 64), 0);
  return fd;
}

UniqueFd ConnectToLoopback(uint16_t port) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = Loopback(port);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fd.Reset();
  }
  return fd;
}

RawSocket::RawSocket(UniqueFd fd) : fd_(std::move(fd)) {
  timeval limit = {10, 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

RawSocket RawSocket::Connect(uint16_t port) {
  UniqueFd fd = ConnectToLoopback(port);
  EXPECT_TRUE(fd.valid());
  return RawSocket(std::move(fd));
}

bool RawSocket::Send(std::string_view text) {
  while (!text.empty()) {
    ssize_t sent = send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

std::string RawSocket::ReadSome() {
  char buffer[65536];
  ssize_t got = recv(fd_.get(), buffer, sizeof buffer, 0);
  return got > 0 ? std::string(buffer, static_cast<size_t>(got)) : "";
}

std::string RawSocket::ReadHead() {
  std::string out;
  char c;
  while (out.find("\r\n\r\n") == std::string::npos && recv(fd_.get(), &c, 1, 0) == 1) out += c;
  return out;
}

std::string RawSocket::ReadToEnd() {
  std::string out;
  for (std::string piece; !(piece = ReadSome()).empty();) out += piece;
  return out;
}

void RawSocket::ShutdownWrite() { shutdown(fd_.get(), SHUT_WR); }

void RawSocket::Reset() {
  linger hard = {1, 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  fd_.Reset();
}

ScriptedServer::ScriptedServer(std::function<void(RawSocket&, int)> script)
    : listener_(ListenOnLoopback(&port_)) {
  thread_ = std::thread([this, script = std::move(script)] {
    while (true) {
      UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd.valid()) return;
      RawSocket socket(std::move(fd));
      script(socket, ++connections_);
    }
  });
}

ScriptedServer::~ScriptedServer() {
  shutdown(listener_.get(), SHUT_RDWR);
  thread_.join();
}

std::string ScriptedServer::url(std::string_view path) const {
  return StrCat("http://127.0.0.1:", port_, path);
}

uint16_t ClosedPort() {
  uint16_t port = 0;
  Bound(&port);
  return port;
}

TestCertificates MakeCertificates(const std::string& san, int days) {
  auto folder = TemporaryDirectory::Create("nacre-net-test");
  EXPECT_TRUE(folder.ok()) << folder.status();
  const std::string& path = folder->path();
  OpenSsl(path, {"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA", "-days", "2"});
  OpenSsl(path, {"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                 "key.pem", "-out", "leaf.csr", "-subj", "/CN=Test server"});
  EXPECT_TRUE(WriteFile(path + "/san", AsBytes("subjectAltName=" + san)).ok());
  OpenSsl(path, {"x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                 "-CAcreateserial", "-extfile", "san", "-out", "leaf.pem", "-days",
                 std::to_string(days)});
  TestCertificates out;
  out.ca = ReadTextFile(path + "/ca.pem", 1 << 20).value_or("");
  out.server = ReadTextFile(path + "/leaf.pem", 1 << 20).value_or("");
  out.key = SecretBytes::TakeFrom(ReadFile(path + "/key.pem", 1 << 20).value_or(Bytes()));
  return out;
}

}  // namespace nacre::net
