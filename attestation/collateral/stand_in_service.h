// For tests: a service in the shape of a PCCS that answers with given documents, and counts.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/encoding.h"
#include "base/strings.h"
#include "net/http_server.h"
#include "net/url.h"
#include "tee/tdx/collateral.h"

namespace nacre::attestation {

class StandInService {
 public:
  struct Answer {
    int status = 200;
    std::string body;
    std::string chain_header;  // name
    std::string chain;         // PEM
  };

  // Two CRLs: root, PCK CA. `pck_chain`: intermediate and root, PEM.
  StandInService(const tee::tdx::Collateral& collateral, const std::string& pck_chain) {
    Set("/tdx/certification/v4/tcb",
        {200, collateral.tcb_info, "TCB-Info-Issuer-Chain", collateral.signing_certificates});
    Set("/tdx/certification/v4/qe/identity",
        {200, collateral.qe_identity, "SGX-Enclave-Identity-Issuer-Chain",
         collateral.signing_certificates});
    Set("/sgx/certification/v4/pckcrl",
        {200, ToString(collateral.crls.at(1)), "SGX-PCK-CRL-Issuer-Chain", pck_chain});
    // As a PCCS does: hex.
    Set("/sgx/certification/v4/rootcacrl", {200, HexEncode(collateral.crls.at(0)), "", ""});
    server_ = net::HttpServer::Start({}, [this](const net::HttpServerRequest& request) {
                return Reply(request);
              }).value();
  }

  std::string url() const { return server_->url(); }
  int requests() const { return requests_; }
  std::string last_query() const {
    std::lock_guard lock(mutex_);
    return last_query_;
  }
  void Set(const std::string& path, Answer answer) {
    std::lock_guard lock(mutex_);
    answers_[path] = std::move(answer);
  }
  Answer Of(const std::string& path) const {
    std::lock_guard lock(mutex_);
    return answers_.at(path);
  }
  void Stop() { server_->Stop(); }

 private:
  net::HttpResponse Reply(const net::HttpServerRequest& request) {
    ++requests_;
    std::lock_guard lock(mutex_);
    last_query_ = request.query;
    const auto found = answers_.find(request.path);
    if (found == answers_.end()) return net::MakeResponse(404, "text/plain", "");
    const Answer& answer = found->second;
    net::HttpResponse response = net::MakeResponse(answer.status, "application/json", answer.body);
    if (!answer.chain_header.empty()) {
      response.headers.emplace_back(answer.chain_header, net::PercentEncode(answer.chain));
    }
    return response;
  }

  mutable std::mutex mutex_;
  std::map<std::string, Answer> answers_;
  std::string last_query_;
  std::atomic<int> requests_ = 0;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace nacre::attestation
