// The gRPC form of the key provider (package keyprovider, service KeyProviderService): ocicrypt
// calls it where OCICRYPT_KEYPROVIDER_CONFIG says {"grpc": ADDRESS} instead of {"cmd": ...}.
//
// Whoever can connect can have layer keys unwrapped with the key files it serves. So it listens on
// this machine only: on a socket for its own user, or on a loopback port, which every user has.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "image-rs-cpp/decrypt/key_provider.h"

namespace nacre::cli {

class KeyProviderServer {
 public:
  // `address`: "unix:PATH", "127.0.0.1:PORT" or "[::1]:PORT", port 0 for any. Serves until it is
  // destroyed. kInvalidArgument for another address, kUnavailable when it is taken.
  static absl::StatusOr<std::unique_ptr<KeyProviderServer>> Start(
      const std::string& address, image::KeyProviderOptions options);
  ~KeyProviderServer();
  KeyProviderServer(const KeyProviderServer&) = delete;
  KeyProviderServer& operator=(const KeyProviderServer&) = delete;

  // As `address`, with the port that was chosen.
  const std::string& address() const;

 private:
  class Impl;
  explicit KeyProviderServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nacre::cli
