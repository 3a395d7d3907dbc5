#include "net/stand_in_proxy.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/strings.h"
#include "net/test_peers.h"

namespace nacre::net {
namespace {

constexpr int kPollMs = 50;

bool Readable(int fd) {
  pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&waiting, 1, kPollMs) > 0;
}

// One read from `from` to `to`; false at the end.
bool Relay(int from, int to) {
  uint8_t buffer[16 << 10];
  ssize_t got = recv(from, buffer, sizeof buffer, 0);
  return got > 0 && WriteAll(to, ByteView(buffer, static_cast<size_t>(got))).ok();
}

}  // namespace

StandInProxy::StandInProxy(int status) : status_(status), listener_(ListenOnLoopback(&port_)) {
  serving_ = std::thread([this] { Serve(); });
}

StandInProxy::~StandInProxy() {
  stopping_ = true;
  serving_.join();
  for (std::thread& passing : passing_) passing.join();
}

std::string StandInProxy::url() const { return StrCat("http://127.0.0.1:", port_); }

std::string StandInProxy::asked_for() const {
  std::lock_guard lock(mutex_);
  return asked_for_;
}

void StandInProxy::Serve() {
  while (!stopping_) {
    if (!Readable(listener_.get())) continue;
    UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client.valid()) continue;
    ++connections_;
    passing_.emplace_back([this, fd = client.Release()] { Pass(UniqueFd(fd)); });
  }
}

void StandInProxy::Pass(UniqueFd client) {
  std::string head;
  for (char c; head.find("\r\n\r\n") == std::string::npos && recv(client.get(), &c, 1, 0) == 1;) {
    head.push_back(c);
  }
  head += "  ";
  std::string_view target = StrSplit(head, ' ')[1];
  {
    std::lock_guard lock(mutex_);
    asked_for_ = std::string(target);
  }
  std::string answer = StrCat("HTTP/1.1 ", status_, " Answer\r\nContent-Length: 0\r\n\r\n");
  if (!head.starts_with("CONNECT ") || !WriteAll(client.get(), AsBytes(answer)).ok()) return;
  uint16_t port = 0;
  size_t colon = target.rfind(':');
  if (status_ != 200 || !ParseNumber(target.substr(colon + 1), &port)) return;
  UniqueFd server = ConnectToLoopback(port);
  if (!server.valid()) return;
  while (!stopping_) {
    pollfd both[] = {{.fd = client.get(), .events = POLLIN, .revents = 0},
                     {.fd = server.get(), .events = POLLIN, .revents = 0}};
    if (poll(both, 2, kPollMs) <= 0) continue;
    if (both[0].revents != 0 && !Relay(client.get(), server.get())) return;
    if (both[1].revents != 0 && !Relay(server.get(), client.get())) return;
  }
}

}  // namespace nacre::net
