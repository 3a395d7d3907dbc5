#include "image-rs-cpp/testing/cutting_proxy.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/strings.h"
#include "net/test_peers.h"

namespace nacre::image::testing {
namespace {

constexpr int kTickMs = 20;

// The peer sees a reset, not an end.
void Reset(UniqueFd* socket) {
  const linger now{1, 0};
  setsockopt(socket->get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  socket->Reset();
}

}  // namespace

absl::StatusOr<std::unique_ptr<CuttingProxy>> CuttingProxy::Start(uint16_t port, Budget budget) {
  uint16_t own_port = 0;
  UniqueFd listener = net::ListenOnLoopback(&own_port);
  std::unique_ptr<CuttingProxy> proxy(
      new CuttingProxy(std::move(listener), own_port, port, std::move(budget)));
  proxy->acceptor_ = std::jthread([raw_proxy = proxy.get()] { raw_proxy->Accept(); });
  return proxy;
}

CuttingProxy::~CuttingProxy() {
  stop_ = true;
  acceptor_.join();
  std::unique_lock lock(mutex_);
  passed_.wait(lock, [this] { return passing_ == 0; });
}

std::string CuttingProxy::host() const { return StrCat("127.0.0.1:", own_port_); }

void CuttingProxy::Accept() {
  while (!stop_) {
    pollfd waiting{listener_.get(), POLLIN, 0};
    if (poll(&waiting, 1, kTickMs) <= 0) continue;
    UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client.get() < 0) continue;
    {
      const std::lock_guard lock(mutex_);
      ++passing_;
    }
    std::thread([this, budget = budget_(), socket = std::move(client)]() mutable {
      Pass(std::move(socket), budget);
      const std::lock_guard lock(mutex_);  // held while it tells: the proxy may be gone afterwards
      --passing_;
      passed_.notify_all();
    }).detach();
  }
}

void CuttingProxy::Pass(UniqueFd client, uint64_t budget) {
  UniqueFd server = net::ConnectToLoopback(port_);
  if (!server.valid()) return;
  const int now = 1;  // small pieces at once, or every answer costs a delayed acknowledgement
  setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
  setsockopt(server.get(), IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
  uint8_t buffer[16 << 10];
  while (!stop_) {
    pollfd ends[2] = {{client.get(), POLLIN, 0}, {server.get(), POLLIN, 0}};
    if (poll(ends, 2, kTickMs) < 0) return;
    for (int i = 0; i < 2; ++i) {
      if (ends[i].revents == 0) continue;
      const ssize_t count = read(ends[i].fd, buffer, sizeof buffer);
      if (count <= 0) return;
      const bool answer = i == 1;
      const size_t allowed = answer ? std::min<uint64_t>(static_cast<size_t>(count), budget)
                                    : static_cast<size_t>(count);
      if (!WriteAll(ends[1 - i].fd, ByteView(buffer, allowed)).ok()) return;
      if (!answer) continue;
      budget -= allowed;
      if (allowed == static_cast<size_t>(count)) continue;
      ++cuts_;
      Reset(&client);
      Reset(&server);
      return;
    }
  }
}

}  // namespace nacre::image::testing
