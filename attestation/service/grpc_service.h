// The attestation service over gRPC: package `attestation` of Confidential Containers
// (attestation.proto). Setting a policy needs an admin's credentials: a token in the call's
// "authorization" metadata ("Bearer ..."), or a TLS client certificate.
#pragma once

#include <memory>
#include <string>

#include "attestation/broker/context.h"
#include "attestation/broker/rate_limiter.h"

namespace nacre::attestation {

struct GrpcOptions {
  std::string address = "127.0.0.1:0";     // port 0: any free one
  std::string certificate_chain_pem = {};  // with the key: TLS; both empty: without
  std::string private_key_pem = {};
  // PEM roots of client certificates; with them clients are asked for one and may have none.
  std::string client_ca_pem = {};
  uint32_t max_head = 128 << 10;     // of a call's metadata
  int64_t head_timeout_ms = 10'000;  // for the TLS handshake
  int64_t body_timeout_ms = 30'000;  // for calls under way when a connection is ended
  int64_t idle_timeout_ms = 60'000;  // of a connection without calls
  RateLimiter* limiter = nullptr;    // of evaluations by address; not owned; null: none
};
// The same certificate, roots and limits as the HTTP side has; no address and no limiter.
GrpcOptions GrpcOptionsOf(const net::HttpServerOptions& http);

class GrpcServer {
 public:
  // Serves until it is destroyed. `context` outlives it. kUnavailable when the address is taken.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(BrokerContext* context,
                                                           const GrpcOptions& options);
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  // Takes up another certificate: ends the listener, gives calls under way five seconds, and
  // listens again on the same port. kInvalidArgument when certificate and key do not belong
  // together, and then nothing has changed; kUnavailable when the port is lost, and then nothing
  // serves any more.
  absl::Status ReplaceCertificate(const std::string& certificate_chain_pem,
                                  const std::string& private_key_pem);

  int port() const;

 private:
  class Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nacre::attestation
