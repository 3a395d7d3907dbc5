// Where cases are played: a broker, a guest it may accept, and the steps of the protocol with
// everything in the caller's hands.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "attestation/harness/case.h"
#include "attestation/harness/emulated_guest.h"
#include "attestation/harness/guest.h"
#include "attestation/harness/probe.h"
#include "attestation/harness/tee_key.h"
#include "base/json.h"

namespace nacre::attestation::harness {

struct LabOptions {
  std::string
      resource{};  // "repository/type/tag" that the guest should be given; empty: none known
  std::string admin_key_pem{};
  std::string admin_issuer = "nacre-admin";
  std::string collateral_folder{};  // that the broker reads its TDX collateral from; empty: unknown
  std::set<Need> assumed{};         // what the owner says about the broker's policy
  bool peer_codes = false;          // any 4xx is a refusal; peers answer 401 to nearly everything
  int64_t patience_ms = 75'000;     // how long a slow client may take to be turned away
};

// What a guest holds between the steps.
struct GuestSession {
  std::string nonce{};
  std::string cookie{};  // "name=value"
};

// After an honest handshake.
struct Attested {
  GuestSession session{};  // with the attested cookie
  std::string token{};
  Json attestation{};  // as it was sent
};

// Thread-safe once prepared.
class Lab {
 public:
  // `guest` may be null: then only cases without a guest can run. The emulated machines are used
  // for spoilt evidence; either may be null.
  Lab(Probe& probe, Guest* guest, EmulatedSnp* snp, EmulatedTdx* tdx, LabOptions options);
  // Takes away what Prepare() put into the broker.
  ~Lab();

  // With the owner's key: registers the emulated machines' launches and a resource. Then tries an
  // honest handshake of each guest, and says of every need that is not met why it is not.
  absl::Status Prepare();
  // "" when it is met.
  std::string Missing(Need need) const;

  // ---- steps
  // A request as it is. 429 is waited out, as a guest would. No answer is a reply with a failure.
  Reply Send(std::string_view method, std::string_view path, net::HttpHeaders headers = {},
             std::string body = "");
  Reply Auth(std::string body) { return Send("POST", "/kbs/v0/auth", {}, std::move(body)); }
  // An honest Request; an error when it is refused. `tee` is the guest's when empty.
  absl::StatusOr<GuestSession> Begin(std::string_view tee = "");
  // A good Attestation of the guest for this session and key, in the form of the wire.
  absl::StatusOr<Json> Honest(const GuestSession& session, const TeeKey& key);
  absl::StatusOr<Json> Honest(const GuestSession& session) { return Honest(session, key()); }
  absl::StatusOr<Json> HonestOf(Guest& guest, const GuestSession& session, const TeeKey& key);
  // The same with evidence of the caller's.
  absl::StatusOr<Json> With(const GuestSession& session, Json evidence,
                            const std::optional<InitData>& init_data = std::nullopt);
  Reply Attest(const GuestSession& session, const Json& attestation);
  Reply AttestText(const GuestSession& session, std::string text);
  // An honest handshake from end to end.
  absl::StatusOr<Attested> Handshake();
  absl::StatusOr<Attested> Handshake(const TeeKey& key);
  Reply Get(const GuestSession& session, std::string_view path);
  Reply GetBearer(std::string_view token, std::string_view path);
  // With a token of the owner.
  Reply Admin(std::string_view method, std::string_view path, std::string body = "");
  absl::StatusOr<std::string> AdminToken() const;

  // An EC P-256 key that all cases share.
  const TeeKey& key() const { return *key_; }
  Guest& guest() { return *guest_; }
  EmulatedSnp& snp() { return *snp_; }
  EmulatedTdx& tdx() { return *tdx_; }
  bool has_guest() const { return guest_ != nullptr; }
  Probe& probe() const { return probe_; }
  const LabOptions& options() const { return options_; }
  // Path of the resource that the guest is given, and what is in it when the lab put it there.
  const std::string& resource() const { return options_.resource; }
  const std::string& secret() const { return secret_; }
  // The broker's public keys, once Need::kJwks is met.
  const Json& jwks() const { return jwks_; }
  // "snp", ...; "snp" without a guest.
  std::string tee() const;

 private:
  absl::Status Register();
  std::string TryGuest(Guest* guest);
  std::string TryRelease();
  std::string ReadJwks();

  Probe& probe_;
  Guest* guest_;
  EmulatedSnp* snp_;
  EmulatedTdx* tdx_;
  LabOptions options_;
  std::optional<TeeKey> key_;
  std::string secret_;
  Json jwks_;
  std::map<Need, std::string> missing_;
  std::vector<std::pair<std::string, std::string>> cleanup_;  // method and path
};

// An error's text as one line about a step of a case: "auth: ...".
absl::Status StepFailed(std::string_view step, const Reply& reply);

// "200, 412 bytes"; "401 AttestationError launch-measurement"; "no answer: ...".
std::string Describe(const Reply& reply);

}  // namespace nacre::attestation::harness
