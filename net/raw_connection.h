// Connections on which the caller says every byte: for tests and measurements of servers, which
// must be told things that no HTTP client would send, over more connections than there are threads.
// Nothing here waits unless asked to.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/status.h"
#include "base/unique_fd.h"
#include "net/url.h"

namespace nacre::net {

struct HttpClientOptions;

// One connection, TCP or TLS, that is being opened, used or closed. Used by one thread at a time.
class RawConnection {
 public:
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  // To be sent as soon as the peer takes it.
  void Queue(std::string_view bytes) { unsent_.append(bytes); }
  // Does what can be done without waiting: opening, sending, receiving (into received(), at most
  // 64 KiB a call). Errors end the connection: kUnavailable when it cannot be opened or breaks,
  // kUnauthenticated when TLS fails. The peer's end of the stream is no error: see ended().
  absl::Status Step();
  // Steps until `done` says so or the peer ends the stream; kDeadlineExceeded when that takes too
  // long. `done` sees this connection after each step.
  template <typename Done>
  absl::Status RunUntil(const Deadline& deadline, Done done) {
    for (;;) {
      if (absl::Status status = Step(); !status.ok()) return status;
      if (done() || ended_) return absl::OkStatus();
      if (absl::Status status = Wait(deadline); !status.ok()) return status;
    }
  }

  bool open() const { return open_; }    // TCP and TLS are up
  bool ended() const { return ended_; }  // the peer has said that nothing more comes
  size_t unsent() const { return unsent_.size(); }
  std::string& received() { return received_; }  // the caller takes away what it has used

  // For poll(2): what the next Step() waits for.
  int fd() const { return fd_.get(); }
  short events() const { return events_; }

 private:
  friend class RawDialer;
  struct Tls;  // OpenSSL's connection
  RawConnection(UniqueFd fd, std::unique_ptr<Tls> tls, std::string peer);
  absl::Status Wait(const Deadline& deadline);
  absl::Status Open();
  absl::Status Send();
  absl::Status Receive();
  absl::Status TlsFailed(int result, std::string_view doing);

  UniqueFd fd_;
  std::unique_ptr<Tls> tls_;  // null: plain TCP
  std::string peer_;          // "host:port" for errors
  std::string unsent_;
  std::string received_;
  short events_;
  bool connected_ = false;
  bool open_ = false;
  bool ended_ = false;
};

// Opens connections to one server. Thread-safe.
class RawDialer {
 public:
  // Looks the name up, which blocks as long as the system does. Of `options` only the trust counts:
  // certificates and the version of TLS. kUnavailable when the name has no address.
  static absl::StatusOr<std::unique_ptr<RawDialer>> Create(const Url& url,
                                                           const HttpClientOptions& options);
  ~RawDialer();

  // A connection that has begun to open.
  absl::StatusOr<std::unique_ptr<RawConnection>> Start() const;
  // The same without TLS, whatever the URL says.
  absl::StatusOr<std::unique_ptr<RawConnection>> StartPlain() const;

 private:
  class Impl;
  explicit RawDialer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nacre::net
