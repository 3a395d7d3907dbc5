// The attestation service over gRPC: package `attestation` of Confidential Containers
// (attestation.proto). Setting a policy needs an admin's token in the call's "authorization"
// metadata ("Bearer ...").
#pragma once

#include <memory>
#include <string>

#include "attestation/broker/context.h"

namespace nacre::attestation {

struct GrpcOptions {
  std::string address = "127.0.0.1:0";     // port 0: any free one
  std::string certificate_chain_pem = {};  // with the key: TLS; both empty: without
  std::string private_key_pem = {};
};

class GrpcServer {
 public:
  // Serves until it is destroyed. `context` outlives it. kUnavailable when the address is taken.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(BrokerContext* context,
                                                           const GrpcOptions& options);
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  int port() const;

 private:
  class Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nacre::attestation
