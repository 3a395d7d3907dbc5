// For tests: nacre-kbs as a process that the test starts, kills and talks to over TLS.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "base/subprocess.h"
#include "crypto/key.h"
#include "net/http_client.h"

namespace nacre::attestation::testing {

// A folder made by SetUpBroker, and one or more processes that serve it.
class BrokerProcess {
 public:
  // Starts it on a free port and waits until it serves. `config`: "kbs.toml" in `folder`.
  static absl::StatusOr<std::unique_ptr<BrokerProcess>> Start(const std::string& folder,
                                                              const std::string& config);
  ~BrokerProcess();  // kills it

  // SIGKILL, and waits for its end.
  void Kill();
  const std::string& url() const { return url_; }
  // Keeps connections, as clients do. Thread-safe.
  absl::StatusOr<net::HttpResponse> Send(const std::string& method, const std::string& path,
                                         net::HttpHeaders headers = {}, std::string body = "");
  // As the owner.
  absl::StatusOr<net::HttpResponse> Admin(const std::string& method, const std::string& path,
                                          std::string body = "");

 private:
  BrokerProcess(Subprocess process, crypto::PrivateKey admin_key)
      : process_(std::move(process)), admin_key_(std::move(admin_key)) {}
  Subprocess process_;
  bool running_ = true;
  crypto::PrivateKey admin_key_;
  std::string url_;
  std::unique_ptr<net::HttpClient> http_;
};

}  // namespace nacre::attestation::testing
