// A pod needs many secrets at once: every image layer, every sealed variable. All of them wait for
// the same handshake. Whoever comes first does it while the others wait on the lock; when it ends
// they take its outcome, so that a refusal too is one refusal and not a queue of them.
#include "attestation/client/kbs_client.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <mutex>

#include "attestation/client/broker_link.h"
#include "attestation/client/handshake.h"
#include "attestation/protocol/jwt.h"
#include "attestation/protocol/resource_path.h"
#include "crypto/jwe.h"
#include "crypto/jwk.h"

namespace nacre::attestation {
namespace {

// A token is renewed this long before it expires, or at half of its life when that is sooner.
constexpr int64_t kRenewBeforeS = 30;
// One that claims to last longer (some count in milliseconds) is renewed once a year.
constexpr int64_t kLongestLifeS = 365 * 24 * 3600;

using SteadyTime = std::chrono::steady_clock::time_point;

int64_t MicrosecondsSince(SteadyTime start) {
  auto elapsed = std::chrono::steady_clock::now() - start;
  return std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count();
}

absl::StatusOr<Json> TeePublicJwk(const crypto::PrivateKey& key) {
  ASSIGN_OR_RETURN(Json jwk, crypto::PublicKeyToJwk(key.public_key()));
  jwk["alg"] = crypto::JweAlgorithmName(crypto::JweAlgorithm::kEcdhEsA256Kw);
  return jwk;
}

}  // namespace

class KbsClient::Impl {
 public:
  Impl(KbsClientOptions options, BrokerLinks links, crypto::PrivateKey key, Json tee_pubkey)
      : options_(std::move(options)),
        links_(std::move(links)),
        key_(std::move(key)),
        tee_pubkey_(std::move(tee_pubkey)) {}

  absl::StatusOr<SecretBytes> GetResource(std::string_view kbs_uri) {
    ASSIGN_OR_RETURN(ResourcePath path, ParseKbsUri(kbs_uri));
    ASSIGN_OR_RETURN(Pass pass, GetPass());
    auto start = std::chrono::steady_clock::now();
    ASSIGN_OR_RETURN(const net::HttpResponse response,
                     SendAttested("GET", "/kbs/v0/resource/" + path.Text(), "", &pass));
    if (response.status != 200) return pass.link->RefusalStatus(path.Uri(), response);
    auto contents = crypto::JweDecrypt(response.body, key_, crypto::kBrokerJweAlgorithms);
    if (!contents.ok()) {
      return absl::DataLossError(path.Uri() + ": answer of " + pass.link->url() + ": " +
                                 std::string(contents.status().message()));
    }
    std::lock_guard lock(timings_mutex_);
    timings_.last_resource_us = MicrosecondsSince(start);
    return contents;
  }

  absl::Status ReportDenials(std::span<const GuestDenial> denials) {
    while (!denials.empty()) {
      size_t taken = 0;
      ASSIGN_OR_RETURN(const std::string message, SignDenials(denials, key_, &taken));
      ASSIGN_OR_RETURN(Pass pass, GetPass());
      ASSIGN_OR_RETURN(const net::HttpResponse response,
                       SendAttested("POST", std::string(kDenialsPath), message, &pass));
      if (response.status != 200) return pass.link->RefusalStatus("denials", response);
      denials = denials.subspan(taken);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> GetToken() {
    ASSIGN_OR_RETURN(Pass pass, GetPass());
    return std::move(pass.token);
  }

  KbsTimings timings() const {
    std::lock_guard lock(timings_mutex_);
    return timings_;
  }

 private:
  // A token and the broker that gave it.
  struct Pass {
    std::string token;
    BrokerLink* link = nullptr;
  };

  absl::StatusOr<Pass> GetPass() {
    uint64_t seen = outcomes_seen();
    std::lock_guard lock(handshake_mutex_);
    if (HasFreshToken()) return pass_;
    // Somebody else's handshake ended while this caller waited: its outcome is ours too.
    if (outcomes_seen() != seen && !last_outcome_.ok()) return last_outcome_;
    absl::Status outcome = Attest();
    std::lock_guard count_lock(timings_mutex_);
    last_outcome_ = outcome;
    ++outcomes_;
    if (!outcome.ok()) return outcome;
    return pass_;
  }

  // With *pass, or with a new one, which *pass is then.
  absl::StatusOr<net::HttpResponse> SendAttested(std::string_view method, const std::string& path,
                                                 const std::string& body, Pass* pass) {
    auto response = Send(method, path, body, *pass);
    const bool gone = links_.size() > 1 && IsTransportError(response.status());
    if (gone || (response.ok() && response->status == 401)) {
      // The broker no longer knows the token (expired on the way, or its key has changed), or it
      // cannot be reached and another one may be: a token is good only where it was given.
      Forget(pass->token);
      ASSIGN_OR_RETURN(*pass, GetPass());
      response = Send(method, path, body, *pass);
    }
    return response;
  }

  absl::StatusOr<net::HttpResponse> Send(std::string_view method, const std::string& path,
                                         const std::string& body, const Pass& pass) {
    for (int attempt = 1;; ++attempt) {
      auto response =
          pass.link->Send(method, path, {{"Authorization", "Bearer " + pass.token}}, body);
      bool busy = response.ok() && (response->status == 429 || response->status == 503);
      bool again = busy || IsTransportError(response.status());
      if (!again || attempt >= options_.max_attempts) return response;
      BackOff(attempt, options_.first_backoff_ms);
    }
  }

  // With handshake_mutex_ held.
  absl::Status Attest() {
    auto start = std::chrono::steady_clock::now();
    ASSIGN_OR_RETURN(HandshakeResult result,
                     PerformHandshake(links_, options_, tee_pubkey_, &kind_));
    pass_ = {std::move(result.token), result.link};
    SetRenewal();
    std::lock_guard lock(timings_mutex_);
    ++timings_.handshakes;
    timings_.last_handshake_us = MicrosecondsSince(start);
    timings_.last_quote_us = result.quote_us;
    return absl::OkStatus();
  }

  // By the steady clock: the guest's wall clock is its host's to set. A token that names no expiry
  // is used until the broker refuses it.
  void SetRenewal() {
    auto expiry = UnverifiedExpiry(pass_.token);
    if (!expiry.ok()) {
      renew_at_ = SteadyTime::max();
      return;
    }
    int64_t life_s = std::clamp<int64_t>(*expiry - std::time(nullptr), 0, kLongestLifeS);
    int64_t usable_s = std::max(life_s - kRenewBeforeS, life_s / 2);
    renew_at_ = std::chrono::steady_clock::now() + std::chrono::seconds(usable_s);
  }

  bool HasFreshToken() const {
    return !pass_.token.empty() && std::chrono::steady_clock::now() < renew_at_;
  }

  void Forget(const std::string& token) {
    std::lock_guard lock(handshake_mutex_);
    if (pass_.token == token) pass_.token.clear();
  }

  uint64_t outcomes_seen() const {
    std::lock_guard lock(timings_mutex_);
    return outcomes_;
  }

  const KbsClientOptions options_;
  const BrokerLinks links_;
  const crypto::PrivateKey key_;
  const Json tee_pubkey_;

  std::mutex handshake_mutex_;              // held through a handshake; guards the next four
  EvidenceKind kind_ = EvidenceKind::kSnp;  // of the evidence source, as far as is known
  Pass pass_;
  SteadyTime renew_at_;
  absl::Status last_outcome_;

  mutable std::mutex timings_mutex_;  // taken after handshake_mutex_; never held while waiting
  uint64_t outcomes_ = 0;
  KbsTimings timings_;
};

KbsClient::KbsClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KbsClient::~KbsClient() = default;

absl::StatusOr<std::unique_ptr<KbsClient>> KbsClient::Create(KbsClientOptions options) {
  if (options.evidence_source == nullptr) {
    return absl::InvalidArgumentError("key broker client: no evidence source");
  }
  BrokerLinks links;
  std::vector<KbsBroker> brokers = {{options.url, options.pinned_server_cert_pem,
                                     options.pinned_public_key_pem, options.trusted_ca_pem}};
  brokers.insert(brokers.end(), options.fallbacks.begin(), options.fallbacks.end());
  for (const KbsBroker& broker : brokers) {
    ASSIGN_OR_RETURN(std::unique_ptr<BrokerLink> link, BrokerLink::Create(broker, options));
    links.push_back(std::move(link));
  }
  ASSIGN_OR_RETURN(crypto::PrivateKey key, crypto::PrivateKey::GenerateEc(crypto::Curve::kP256));
  ASSIGN_OR_RETURN(Json tee_pubkey, TeePublicJwk(key));
  return std::unique_ptr<KbsClient>(new KbsClient(std::make_unique<Impl>(
      std::move(options), std::move(links), std::move(key), std::move(tee_pubkey))));
}

absl::StatusOr<SecretBytes> KbsClient::GetResource(std::string_view kbs_uri) {
  return impl_->GetResource(kbs_uri);
}

absl::Status KbsClient::ReportDenials(std::span<const GuestDenial> denials) {
  return impl_->ReportDenials(denials);
}

absl::StatusOr<std::string> KbsClient::GetToken() { return impl_->GetToken(); }

KbsTimings KbsClient::timings() const { return impl_->timings(); }

}  // namespace nacre::attestation
