#include "attestation/client/handshake.h"

#include <chrono>

#include "absl/strings/match.h"
#include "attestation/protocol/binding.h"
#include "attestation/protocol/limits.h"
#include "attestation/protocol/snp_evidence.h"

namespace nacre::attestation {
namespace {

// The names peers' clients send; a broker picks, for SNP and TDX always SHA-384.
Json ExtraParams() { return {{"supported-hash-algorithms", {"sha256", "sha384", "sha512"}}}; }

int64_t MicrosecondsSince(std::chrono::steady_clock::time_point start) {
  auto elapsed = std::chrono::steady_clock::now() - start;
  return std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count();
}

absl::StatusOr<Json> PrimaryEvidence(const tee::Evidence& evidence,
                                     const std::optional<LaunchHint>& hint) {
  if (evidence.kind != tee::TeeKind::kSnp) {
    return absl::UnimplementedError("evidence of kind " + std::string(tee::TeeName(evidence.kind)) +
                                    " cannot be sent yet");
  }
  SnpEvidenceMessage message;
  ASSIGN_OR_RETURN(message.evidence, tee::sev::SnpEvidenceFrom(evidence));
  // A broker refuses a hint past its limit; without one it only explains less.
  if (hint && hint->command_line.size() <= kMaxCommandLineSize) message.hint = hint;
  return SnpEvidenceToJson(message);
}

struct Session {
  std::string nonce;
  std::string cookie;
};

absl::StatusOr<Session> Authenticate(BrokerLink& link) {
  ASSIGN_OR_RETURN(std::string body,
                   SerializeRequest({.version = std::string(kProtocolVersion),
                                     .tee = std::string(tee::TeeName(tee::TeeKind::kSnp)),
                                     .extra_params = ExtraParams()}));
  ASSIGN_OR_RETURN(net::HttpResponse response,
                   link.Send("POST", "/kbs/v0/auth", {}, std::move(body)));
  if (response.status != 200) return link.RefusalStatus("handshake", response);
  auto challenge = ParseChallenge(response.body);
  if (!challenge.ok()) return absl::DataLossError(challenge.status().message());
  Session session{std::move(challenge->nonce), SessionCookieOf(response.headers)};
  if (session.cookie.empty()) return absl::DataLossError("key broker set no session cookie");
  return session;
}

absl::StatusOr<std::string> Attest(BrokerLink& link, const Session& session,
                                   const Attestation& attestation) {
  ASSIGN_OR_RETURN(std::string body, SerializeAttestation(attestation));
  ASSIGN_OR_RETURN(
      net::HttpResponse response,
      link.Send("POST", "/kbs/v0/attest", {{"Cookie", session.cookie}}, std::move(body)));
  if (response.status != 200) return link.RefusalStatus("attestation", response);
  auto token = ParseTokenAnswer(response.body);
  if (!token.ok()) return absl::DataLossError(token.status().message());
  return token;
}

absl::StatusOr<HandshakeResult> TryOnce(BrokerLink& link, const KbsClientOptions& options,
                                        const Json& tee_pubkey) {
  ASSIGN_OR_RETURN(Session session, Authenticate(link));
  ASSIGN_OR_RETURN(tee::ReportData report_data, BindReportData(session.nonce, tee_pubkey, ""));
  auto start = std::chrono::steady_clock::now();
  auto evidence = options.evidence_source->Quote(report_data);
  if (!evidence.ok()) {
    // Not the network's failure: asking the broker again would not help.
    return absl::FailedPreconditionError(std::string(options.evidence_source->name()) + ": " +
                                         std::string(evidence.status().message()));
  }
  HandshakeResult result;
  result.quote_us = MicrosecondsSince(start);
  Attestation attestation;
  attestation.init_data = options.init_data;
  attestation.nonce = session.nonce;
  attestation.tee_pubkey = tee_pubkey;
  ASSIGN_OR_RETURN(attestation.primary_evidence, PrimaryEvidence(*evidence, options.launch_hint));
  ASSIGN_OR_RETURN(result.token, Attest(link, session, attestation));
  return result;
}

}  // namespace

absl::StatusOr<HandshakeResult> PerformHandshake(BrokerLink& link, const KbsClientOptions& options,
                                                 const Json& tee_pubkey) {
  for (int attempt = 1;; ++attempt) {
    auto result = TryOnce(link, options, tee_pubkey);
    if (result.ok() || !IsTransportError(result.status()) || attempt >= options.max_attempts) {
      return result;
    }
    BackOff(attempt, options.first_backoff_ms);
  }
}

std::string SessionCookieOf(const net::HttpHeaders& headers) {
  for (const auto& [name, value] : headers) {
    std::string_view cookie(value);
    cookie = cookie.substr(0, cookie.find(';'));
    bool ours =
        cookie.starts_with(kSessionCookie) && cookie.substr(kSessionCookie.size()).starts_with('=');
    if (ours && absl::EqualsIgnoreCase(name, "Set-Cookie")) return std::string(cookie);
  }
  return "";
}

}  // namespace nacre::attestation
