#include "attestation/client/handshake.h"

#include <chrono>

#include "absl/strings/match.h"
#include "attestation/protocol/binding.h"
#include "attestation/protocol/evidence.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

// The names peers' clients send; a broker picks, for SNP and TDX always SHA-384.
Json ExtraParams() { return {{"supported-hash-algorithms", {"sha256", "sha384", "sha512"}}}; }

int64_t MicrosecondsSince(std::chrono::steady_clock::time_point start) {
  auto elapsed = std::chrono::steady_clock::now() - start;
  return std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count();
}

struct Session {
  std::string nonce;
  std::string cookie;
};

absl::StatusOr<Session> Authenticate(BrokerLink& link, EvidenceKind kind) {
  ASSIGN_OR_RETURN(std::string body, SerializeRequest({.version = std::string(kProtocolVersion),
                                                       .tee = std::string(EvidenceKindName(kind)),
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

absl::StatusOr<tee::Evidence> Quote(const KbsClientOptions& options, const Session& session,
                                    const Json& tee_pubkey) {
  ASSIGN_OR_RETURN(tee::ReportData report_data, BindReportData(session.nonce, tee_pubkey, ""));
  auto evidence = options.evidence_source->Quote(report_data);
  if (evidence.ok()) return evidence;
  // Not the network's failure: asking the broker again would not help.
  return absl::FailedPreconditionError(std::string(options.evidence_source->name()) + ": " +
                                       std::string(evidence.status().message()));
}

absl::StatusOr<HandshakeResult> TryOnce(BrokerLink& link, const KbsClientOptions& options,
                                        const Json& tee_pubkey, EvidenceKind* kind) {
  HandshakeResult result;
  ASSIGN_OR_RETURN(Session session, Authenticate(link, *kind));
  auto start = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(tee::Evidence evidence, Quote(options, session, tee_pubkey));
  result.quote_us = MicrosecondsSince(start);
  if (EvidenceKindOf(evidence.kind) != *kind) {
    // A session is for the kind it was asked for: ask again, with the right name.
    *kind = EvidenceKindOf(evidence.kind);
    ASSIGN_OR_RETURN(session, Authenticate(link, *kind));
    start = std::chrono::steady_clock::now();
    ASSIGN_OR_RETURN(evidence, Quote(options, session, tee_pubkey));
    result.quote_us += MicrosecondsSince(start);
  }
  ASSIGN_OR_RETURN(const EvidenceMessage message,
                   EvidenceFromSource(evidence, options.launch_hint));
  if (message.kind != *kind) {
    return absl::FailedPreconditionError(std::string(options.evidence_source->name()) +
                                         ": its evidence changes its kind");
  }
  Attestation attestation;
  attestation.init_data = options.init_data;
  attestation.nonce = session.nonce;
  attestation.tee_pubkey = tee_pubkey;
  ASSIGN_OR_RETURN(attestation.primary_evidence, EvidenceToJson(message));
  ASSIGN_OR_RETURN(result.token, Attest(link, session, attestation));
  return result;
}

// The first broker that gives a token or a refusal. `again`: a later round may end differently.
absl::StatusOr<HandshakeResult> TryEach(const BrokerLinks& links, const KbsClientOptions& options,
                                        const Json& tee_pubkey, EvidenceKind* kind, bool* again) {
  absl::Status failed;
  *again = false;
  for (const auto& link : links) {
    auto result = TryOnce(*link, options, tee_pubkey, kind);
    if (result.ok()) result->link = link.get();
    const absl::Status status = result.status();
    const bool unreachable = IsTransportError(status);
    if (!unreachable && !IsStranger(status)) return result;
    *again = *again || unreachable;
    failed = failed.ok() ? status : Annotate(status, StrCat(Message(failed), "; and"));
  }
  return failed;
}

}  // namespace

absl::StatusOr<HandshakeResult> PerformHandshake(const BrokerLinks& links,
                                                 const KbsClientOptions& options,
                                                 const Json& tee_pubkey, EvidenceKind* kind) {
  for (int attempt = 1;; ++attempt) {
    bool again = false;
    auto result = TryEach(links, options, tee_pubkey, kind, &again);
    if (result.ok() || !again || attempt >= options.max_attempts) return result;
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
