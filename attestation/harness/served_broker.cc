#include "attestation/harness/served_broker.h"

#include <cstdlib>
#include <ctime>

#include "attestation/collateral/tdx_bundle.h"
#include "attestation/protocol/limits.h"

namespace nacre::attestation::harness {
namespace {

// Test support has nobody to report to.
template <typename T>
T Must(absl::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "test support: %s\n", result.status().ToString().c_str());
  std::abort();
}

// The TDX machine's collateral as a folder that the broker reads.
TemporaryDirectory MakeCollateral() {
  TemporaryDirectory folder = Must(TemporaryDirectory::Create("collateral"));
  const int64_t now = std::time(nullptr);
  auto collateral = Must(ServedBroker::TrustDomain()->platform().MakeCollateral(now));
  absl::Status written = WriteBundle(folder.path(), collateral, now);
  if (!written.ok()) Must(absl::StatusOr<int>(written));
  return folder;
}

}  // namespace

ServedBroker::ServedBroker(const std::function<void(BrokerConfig&)>& change, Between between,
                           const std::function<void(net::HttpServerOptions&)>& serve)
    : collateral_(MakeCollateral()),
      broker([this, &change](BrokerConfig& config) {
        config.attestations_per_minute = 1'000'000;
        config.emulated_tdx_root = EmulatorFolder() + "/tdx-root.pem";
        config.tdx_collateral = collateral_.path();
        if (change) change(config);
      }),
      between_(std::move(between)) {
  net::HttpServerOptions options;
  options.tls_certificate_chain_pem = target().pinned_certificate_pem;
  options.tls_private_key_pem =
      SecretBytes::TakeFrom(Must(ReadFile(broker.folder() + "/kbs/tls.key", 1 << 16)));
  options.max_body = kMaxMessageSize;
  options.max_head = 128 << 10;
  options.head_timeout_ms = 700;
  options.body_timeout_ms = 900;
  if (serve) serve(options);
  Inner inner = [this](const net::HttpServerRequest& request) {
    return broker.broker().Handle(request).response;
  };
  server_ = Must(net::HttpServer::Start(std::move(options), [this, inner](const auto& request) {
    return between_ ? between_(request, inner) : inner(request);
  }));
}

ServedBroker::~ServedBroker() { server_->Stop(); }

Target ServedBroker::target() const {
  return {.url = server_ == nullptr ? "" : server_->url(),
          .pinned_certificate_pem = Must(ReadTextFile(broker.folder() + "/kbs/tls.pem", 1 << 16))};
}

std::string ServedBroker::admin_key_pem() const {
  return Must(ReadTextFile(broker.folder() + "/kbs/admin.key", 1 << 16));
}

std::string ServedBroker::EmulatorFolder() {
  std::string ark = testing::Chip::Get().ark_path();
  return ark.substr(0, ark.rfind('/'));
}

std::unique_ptr<EmulatedSnp> ServedBroker::Guest() {
  return Must(EmulatedSnp::Create({.folder = EmulatorFolder(),
                                   .launch = testing::Chip::Get().Launch(),
                                   .now = std::time(nullptr)}));
}

std::unique_ptr<EmulatedTdx> ServedBroker::TrustDomain() {
  return Must(EmulatedTdx::Create({.folder = EmulatorFolder(), .now = std::time(nullptr)}));
}

}  // namespace nacre::attestation::harness
