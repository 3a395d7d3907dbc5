#include "guest-agent/secrets/broker_keys.h"

#include "guest-agent/service/timeline.h"

namespace nacre::guest_agent {

absl::StatusOr<attestation::KbsClient*> BrokerKeys::Client() {
  const std::lock_guard lock(mutex_);
  if (client_ != nullptr) return client_.get();
  const AgentConfig& config = options_.config;
  if (config.broker_url.empty())
    return absl::FailedPreconditionError("no key broker: initdata has no [broker] in nacre.toml");
  attestation::KbsClientOptions client;
  client.url = config.broker_url;
  client.pinned_server_cert_pem = config.broker_certificate_pem;
  client.pinned_public_key_pem = config.broker_public_key_pem;
  client.proxy_url = config.broker_proxy;
  for (const std::string& url : config.broker_fallback_urls)
    client.fallbacks.push_back(
        {url, config.broker_certificate_pem, config.broker_public_key_pem, ""});
  client.evidence_source = evidence_;
  client.init_data = attestation::InitData{"toml", options_.initdata_document};
  client.launch_hint = attestation::LaunchHint{options_.command_line, options_.vcpus};
  ASSIGN_OR_RETURN(client_, attestation::KbsClient::Create(std::move(client)));
  return client_.get();
}

absl::StatusOr<SecretBytes> BrokerKeys::GetKey(std::string_view kbs_uri) {
  ASSIGN_OR_RETURN(attestation::KbsClient * client, Client());
  absl::StatusOr<SecretBytes> key = client->GetResource(kbs_uri);
  NoteHandshake(*client);
  return key;
}

absl::Status BrokerKeys::ReportDenials(const std::vector<policy::Denial>& denials) {
  ASSIGN_OR_RETURN(attestation::KbsClient * client, Client());
  std::vector<attestation::GuestDenial> report;
  report.reserve(denials.size());
  for (const policy::Denial& denial : denials)
    report.push_back({denial.id, denial.request, denial.explanation});
  const absl::Status sent = client->ReportDenials(report);
  NoteHandshake(*client);
  return sent;
}

// A token was earned, also when this one request is refused.
void BrokerKeys::NoteHandshake(const attestation::KbsClient& client) {
  const attestation::KbsTimings timings = client.timings();
  if (timings.handshakes > 0 && !attested_.exchange(true))
    LogTimeline("attested", timings.last_handshake_us / 1000);
}

}  // namespace nacre::guest_agent
