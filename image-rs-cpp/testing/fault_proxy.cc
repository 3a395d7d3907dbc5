#include "image-rs-cpp/testing/fault_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"

namespace nacre::image::testing {
namespace {

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

UniqueFd Connect(uint16_t port) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = Loopback(port);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return UniqueFd();
  }
  return fd;
}

}  // namespace

absl::StatusOr<std::unique_ptr<FaultProxy>> FaultProxy::Start(const std::string& upstream,
                                                              uint32_t most_bytes, uint32_t seed) {
  std::unique_ptr<FaultProxy> proxy(new FaultProxy(most_bytes, seed));
  if (!ParseNumber(std::string_view(upstream).substr(upstream.rfind(':') + 1),
                   &proxy->upstream_port_)) {
    return absl::InvalidArgumentError(upstream);
  }
  ASSIGN_OR_RETURN(proxy->stop_, MakePipe());
  proxy->listener_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  if (bind(proxy->listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(proxy->listener_.get(), 64) != 0 ||
      getsockname(proxy->listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return ErrnoStatus(errno, "listening");
  }
  proxy->host_ = StrCat("127.0.0.1:", ntohs(address.sin_port));
  proxy->accepting_ = std::thread([proxy = proxy.get()] { proxy->Accept(); });
  return proxy;
}

FaultProxy::~FaultProxy() {
  stop_.write_end.Reset();
  if (accepting_.joinable()) accepting_.join();
  while (open_ != 0) std::this_thread::yield();
}

void FaultProxy::Accept() {
  while (true) {
    pollfd waits[] = {{listener_.get(), POLLIN, 0}, {stop_.read_end.get(), POLLIN, 0}};
    if (poll(waits, 2, -1) < 0) continue;
    if (waits[1].revents != 0) return;
    UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client.valid()) continue;
    ++open_;
    const uint32_t bytes = static_cast<uint32_t>(random_()) % (most_bytes_ + 1);
    const bool reset = random_() % 2 == 0;
    std::thread([this, bytes, reset, client = std::move(client)]() mutable {
      Carry(std::move(client), bytes, reset);
      --open_;
    }).detach();
  }
}

void FaultProxy::Carry(UniqueFd client, uint32_t bytes, bool reset) {
  UniqueFd server = Connect(upstream_port_);
  char buffer[16 << 10];
  while (server.valid()) {
    pollfd waits[] = {
        {client.get(), POLLIN, 0}, {server.get(), POLLIN, 0}, {stop_.read_end.get(), POLLIN, 0}};
    if (poll(waits, 3, -1) < 0) continue;
    if (waits[2].revents != 0) return;
    if (waits[0].revents != 0) {
      const ssize_t count = read(client.get(), buffer, sizeof buffer);
      if (count <= 0 || send(server.get(), buffer, static_cast<size_t>(count), MSG_NOSIGNAL) < 0) {
        return;
      }
    }
    if (waits[1].revents != 0) {
      const ssize_t count = read(server.get(), buffer, std::min<size_t>(bytes, sizeof buffer));
      if (bytes == 0) {
        ++cuts_;
        const linger now = {1, 0};
        if (reset) setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
        return;
      }
      if (count <= 0 || send(client.get(), buffer, static_cast<size_t>(count), MSG_NOSIGNAL) < 0) {
        return;
      }
      bytes -= static_cast<uint32_t>(count);
    }
  }
}

}  // namespace nacre::image::testing
