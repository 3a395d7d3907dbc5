// For tests: our broker in this process behind its HTTPS server, which trusts an emulated SNP chip
// and an emulated TDX machine; with limits that a suite does not reach, and something between the
// two that can spoil what goes through.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "attestation/broker/testing.h"
#include "attestation/harness/emulated_guest.h"
#include "attestation/harness/probe.h"
#include "net/http_server.h"

namespace nacre::attestation::harness {

class ServedBroker {
 public:
  // What stands between the server and the broker: takes a request, and the broker to ask.
  using Inner = std::function<net::HttpResponse(const net::HttpServerRequest&)>;
  using Between = std::function<net::HttpResponse(const net::HttpServerRequest&, const Inner&)>;

  explicit ServedBroker(const std::function<void(BrokerConfig&)>& change = {}, Between between = {},
                        const std::function<void(net::HttpServerOptions&)>& serve = {});
  ~ServedBroker();

  Target target() const;
  std::string admin_key_pem() const;
  const std::string& collateral_folder() const { return collateral_.path(); }
  // The folder of the emulated chip whose root the broker trusts.
  static std::string EmulatorFolder();
  // A guest there, launched as `broker.Provision()` registers it; and a trust domain.
  static std::unique_ptr<EmulatedSnp> Guest();
  static std::unique_ptr<EmulatedTdx> TrustDomain();

 private:
  TemporaryDirectory collateral_;

 public:
  testing::TestBroker broker;

 private:
  Between between_;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace nacre::attestation::harness
