// The server's end of one connection, plain TCP or TLS 1.3, with its one clock. Made to be many:
// while a connection waits, it owns no buffer, its own or OpenSSL's.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "net/asio.h"
#include "net/tls_context.h"

namespace nacre::net {

// Belongs to the one thread that runs the socket. One operation at a time.
class ServerStream {
 public:
  struct Got {
    ErrorCode error;  // asio::error::eof for the peer's orderly end
    size_t size = 0;  // at least 1 without an error
  };

  // `tls` is null for plain TCP.
  ServerStream(Socket socket, std::shared_ptr<TlsContext> tls);
  ~ServerStream();
  ServerStream(const ServerStream&) = delete;
  ServerStream& operator=(const ServerStream&) = delete;

  // The TLS handshake; nothing to do without TLS.
  asio::awaitable<ErrorCode> Handshake();

  // Reads what there is now; empty when there is nothing.
  std::optional<Got> TryRead(std::span<char> room);
  // Until there may be something to read; it may turn out to be nothing yet.
  asio::awaitable<ErrorCode> WaitForInput();
  // Lets the other connections have their turn.
  asio::awaitable<ErrorCode> Yield() { return WaitFor(Need::kTurn); }
  // Waits for at least one byte.
  asio::awaitable<Got> Read(std::span<char> room);
  // All of it.
  asio::awaitable<ErrorCode> Write(std::string_view text);

  // Tells the peer that nothing more comes: close_notify, or FIN without TLS.
  asio::awaitable<void> FinishSending();
  void Close();
  // Ends what is waiting now with operation_aborted.
  void Cancel();

  // When the time is up, whatever waits ends with operation_aborted, and so does all that would
  // have to wait, until the clock is set anew.
  void ExpireAfter(int64_t milliseconds);
  void NeverExpire();
  bool expired() const;

  SSL* ssl() const { return ssl_.get(); }  // null without TLS
  const Socket& socket() const { return socket_; }
  Socket::executor_type executor() { return socket_.get_executor(); }

 private:
  struct Timer;
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  enum class Need { kRead, kWrite, kTurn };

  static BIO_METHOD* BioMethod();
  static int BioRead(BIO* bio, char* data, int size);
  static int BioWrite(BIO* bio, const char* data, int size);
  static long BioControl(BIO* bio, int command, long number, void* pointer);

  bool MakeSsl();
  // What an SSL_ call that did not succeed is waiting for, or its error.
  ErrorCode Unfinished(int result);
  asio::awaitable<ErrorCode> WaitFor(Need need);
  size_t TryWrite(std::string_view text, ErrorCode* error);

  Socket socket_;
  std::shared_ptr<TlsContext> context_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  std::shared_ptr<Timer> timer_;
  Need need_ = Need::kRead;
  bool broken_ = false;  // TLS failed: nothing more may be said on it
  bool at_end_ = false;  // the peer's FIN was read
  bool dry_ = false;     // the last read found nothing, and nothing was waited for since
  size_t unwaited_ = 0;  // bytes moved since the last wait
};

}  // namespace nacre::net
