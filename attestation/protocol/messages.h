// The messages of the key broker protocol, version 0.4.0: Request -> Challenge -> Attestation ->
// token (the "RCAR" handshake of Confidential Containers). All are JSON over HTTP; names on the
// wire are kebab-case except inside tee-evidence.
//
// Parsers take hostile text: bounded by limits.h, typed, kInvalidArgument naming the member.
// Members this version does not know are skipped, as peers skip them; nothing skipped here is ever
// trusted, because the report data covers only what is parsed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"

namespace nacre::attestation {

inline constexpr std::string_view kProtocolVersion = "0.4.0";
inline constexpr std::string_view kSessionCookie = "kbs-session-id";

// POST /kbs/v0/auth, guest to broker.
struct Request {
  std::string version;  // must be exactly kProtocolVersion; the broker checks
  std::string tee;      // "snp", "tdx", ...
  Json extra_params;    // hash algorithms the guest can do; informative
};

// Its answer: a nonce as opaque text (base64 of 32 bytes).
struct Challenge {
  std::string nonce;
  Json extra_params;  // "" unless the TEE needs more
};

struct InitData {
  std::string format;  // "toml"
  std::string body;    // the exact text whose digest the hardware reports
};

// POST /kbs/v0/attest, guest to broker.
struct Attestation {
  std::optional<InitData> init_data;
  std::string nonce;  // the Challenge's
  Json tee_pubkey;    // public JWK to which resources are encrypted
  // By TEE kind; see snp_evidence.h. Read with ParseJsonWithBytes.
  Json primary_evidence;
  std::string additional_evidence;  // "" when there is none
};

absl::StatusOr<Request> ParseRequest(std::string_view text);
absl::StatusOr<std::string> SerializeRequest(const Request& request);

absl::StatusOr<Challenge> ParseChallenge(std::string_view text);
absl::StatusOr<std::string> SerializeChallenge(const Challenge& challenge);

absl::StatusOr<Attestation> ParseAttestation(std::string_view text);
absl::StatusOr<std::string> SerializeAttestation(const Attestation& attestation);

// The answer to an Attestation: {"token": "<JWT>"}.
absl::StatusOr<std::string> ParseTokenAnswer(std::string_view text);
std::string SerializeTokenAnswer(std::string_view token);

}  // namespace nacre::attestation
