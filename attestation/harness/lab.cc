#include "attestation/harness/lab.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

#include "attestation/client/handshake.h"
#include "attestation/protocol/binding.h"
#include "attestation/protocol/error_body.h"
#include "attestation/protocol/jwt.h"
#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/random.h"

namespace nacre::attestation::harness {
namespace {

constexpr int kBusyTries = 60;  // of half a second each

constexpr std::string_view kNoGuest =
    "no guest: give --emulator, --evidence or run on a confidential machine";
constexpr std::string_view kNoResource = "no resource known: give --resource or --admin-key";

// One member order for all: the broker must not depend on it.
std::string Text(const Json& json) {
  auto text = DumpJson(json);
  return text.ok() ? *text : json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Lab::Lab(Probe& probe, Guest* guest, EmulatedSnp* snp, EmulatedTdx* tdx, LabOptions options)
    : probe_(probe), guest_(guest), snp_(snp), tdx_(tdx), options_(std::move(options)) {}

Lab::~Lab() {
  for (const auto& [method, path] : cleanup_) Admin(method, path);
}

std::string Lab::tee() const {
  return guest_ == nullptr ? "snp" : std::string(EvidenceKindName(guest_->kind()));
}

std::string Lab::Missing(Need need) const {
  auto found = missing_.find(need);
  return found == missing_.end() ? "" : found->second;
}

absl::Status Lab::Prepare() {
  ASSIGN_OR_RETURN(TeeKey key, MakeTeeKey("P-256"));
  key_ = std::move(key);
  if (probe_.url().scheme != "https") missing_[Need::kTls] = "the broker is reached over http";
  for (auto [need, name] : {std::pair(Need::kMinimumTcb, "minimum-tcb"),
                            std::pair(Need::kEmulatedRefused, "emulated-refused")}) {
    if (!options_.assumed.contains(need)) {
      missing_[need] = StrCat("its policy is not known: say --assume ", name, " if it is so");
    }
  }
  if (options_.admin_key_pem.empty()) {
    missing_[Need::kAdmin] = "no --admin-key";
  } else {
    absl::Status registered = Register();
    if (!registered.ok()) {
      missing_[Need::kAdmin] = StrCat("the owner's key does not work: ", Message(registered));
    }
  }
  std::string why = ReadJwks();
  if (!why.empty()) missing_[Need::kJwks] = why;
  why = TryGuest(guest_);
  if (!why.empty()) missing_[Need::kGuest] = why;
  why = guest_ == snp_ ? why : TryGuest(snp_);
  if (!why.empty()) missing_[Need::kSnp] = snp_ == nullptr ? "needs --emulator" : why;
  why = TryGuest(tdx_);
  if (!why.empty()) missing_[Need::kTdx] = tdx_ == nullptr ? "needs --emulator" : why;
  if (std::string denied = TryRelease(); !denied.empty()) missing_[Need::kRelease] = denied;
  if (options_.collateral_folder.empty()) missing_[Need::kCollateral] = "no --collateral";
  return absl::OkStatus();
}

absl::Status Lab::Register() {
  const int64_t now = std::time(nullptr);
  auto post = [this](std::string_view path, std::string body) {
    Reply reply = Admin("POST", path, std::move(body));
    return reply.status == 200 ? absl::OkStatus() : StepFailed(path, reply);
  };
  for (auto [guest, name] :
       {std::pair<Guest*, std::string>(snp_, StrCat(kHarnessReference, "-snp")),
        {tdx_, StrCat(kHarnessReference, "-tdx")}}) {
    if (guest == nullptr) continue;
    ASSIGN_OR_RETURN(std::string document,
                     guest == snp_ ? snp_->Reference(name, now) : tdx_->Reference(name, now));
    RETURN_IF_ERROR(post("/kbs/v0/reference-value", std::move(document)));
    cleanup_.emplace_back("DELETE", StrCat("/kbs/v0/reference-value/", name));
  }
  if (!options_.resource.empty()) return absl::OkStatus();
  std::string path = StrCat("nacre-harness/conformance/", HexEncode(crypto::RandomBytes(8)));
  secret_ = StrCat("secret of the harness ", HexEncode(crypto::RandomBytes(16)));
  RETURN_IF_ERROR(post(StrCat("/kbs/v0/resource/", path), secret_));
  cleanup_.emplace_back("DELETE", StrCat("/kbs/v0/resource/", path));
  options_.resource = std::move(path);
  return absl::OkStatus();
}

// Why an honest handshake of this guest is not accepted; "" when it is.
std::string Lab::TryGuest(Guest* guest) {
  if (guest == nullptr) return std::string(kNoGuest);
  if (!guest->fresh()) return "evidence of a file cannot be bound to a session";
  auto session = Begin(EvidenceKindName(guest->kind()));
  if (!session.ok()) return std::string(Message(session.status()));
  auto attestation = HonestOf(*guest, *session, key());
  if (!attestation.ok()) return std::string(Message(attestation.status()));
  Reply reply = Attest(*session, *attestation);
  if (reply.status == 200) return "";
  return StrCat("the broker refuses an honest guest (", guest->Describe(),
                "): ", harness::Describe(reply));
}

std::string Lab::ReadJwks() {
  Reply reply = Send("GET", "/.well-known/jwks.json");
  if (reply.status != 200) return StrCat("no /.well-known/jwks.json: ", harness::Describe(reply));
  auto jwks = ParseJson(reply.body);
  bool keys =
      jwks.ok() && jwks->is_object() && jwks->contains("keys") && (*jwks)["keys"].is_array();
  if (!keys) return "/.well-known/jwks.json is not a set of keys";
  jwks_ = *std::move(jwks);
  return "";
}

std::string Lab::TryRelease() {
  if (std::string why = Missing(Need::kGuest); !why.empty()) return why;
  if (options_.resource.empty()) return std::string(kNoResource);
  auto attested = Handshake();
  if (!attested.ok()) return std::string(Message(attested.status()));
  Reply reply = Get(attested->session, options_.resource);
  if (reply.status != 200) {
    return StrCat("the guest is not given ", options_.resource, ": ", harness::Describe(reply));
  }
  return "";  // whether it can be opened is for the cases to see
}

Reply Lab::Send(std::string_view method, std::string_view path, net::HttpHeaders headers,
                std::string body) {
  for (int attempt = 1;; ++attempt) {
    Exchange exchange = probe_.Send(method, path, headers, body);
    Reply reply{.request = exchange.body};
    for (const auto& [name, value] : headers) StrAppend(&reply.request, "\n", value);
    if (!exchange.answer.ok()) {
      reply.failure = std::string(Message(exchange.answer.status()));
      return reply;
    }
    reply.status = exchange.answer->status;
    reply.headers = std::move(exchange.answer->headers);
    reply.body = std::move(exchange.answer->body);
    if (reply.status != 429 || attempt == kBusyTries) return reply;
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

absl::StatusOr<GuestSession> Lab::Begin(std::string_view tee) {
  Request request{.version = std::string(kProtocolVersion),
                  .tee = tee.empty() ? this->tee() : std::string(tee),
                  .extra_params = {{"supported-hash-algorithms", {"sha384"}}}};
  ASSIGN_OR_RETURN(std::string body, SerializeRequest(request));
  Reply reply = Auth(std::move(body));
  if (reply.status != 200) return StepFailed("auth", reply);
  ASSIGN_OR_RETURN(Challenge challenge, ParseChallenge(reply.body), "auth");
  GuestSession session{std::move(challenge.nonce), SessionCookieOf(reply.headers)};
  if (session.cookie.empty()) return absl::DataLossError("auth: no session cookie is set");
  return session;
}

absl::StatusOr<Json> Lab::With(const GuestSession& session, Json evidence,
                               const std::optional<InitData>& init_data) {
  Attestation attestation{.init_data = init_data,
                          .nonce = session.nonce,
                          .tee_pubkey = key().jwk,
                          .primary_evidence = std::move(evidence),
                          .additional_evidence = ""};
  ASSIGN_OR_RETURN(std::string text, SerializeAttestation(attestation));
  return ParseJson(text);
}

absl::StatusOr<Json> Lab::HonestOf(Guest& guest, const GuestSession& session, const TeeKey& key) {
  ASSIGN_OR_RETURN(const tee::ReportData report_data, BindReportData(session.nonce, key.jwk, ""));
  ASSIGN_OR_RETURN(Json evidence, guest.Evidence(report_data), "evidence");
  ASSIGN_OR_RETURN(Json out, With(session, std::move(evidence), guest.init_data()));
  out["runtime-data"]["tee-pubkey"] = key.jwk;
  return out;
}

absl::StatusOr<Json> Lab::Honest(const GuestSession& session, const TeeKey& key) {
  if (guest_ == nullptr) return absl::FailedPreconditionError(std::string(kNoGuest));
  return HonestOf(*guest_, session, key);
}

Reply Lab::AttestText(const GuestSession& session, std::string text) {
  net::HttpHeaders headers;
  if (!session.cookie.empty()) headers.emplace_back("Cookie", session.cookie);
  return Send("POST", "/kbs/v0/attest", std::move(headers), std::move(text));
}

Reply Lab::Attest(const GuestSession& session, const Json& attestation) {
  return AttestText(session, Text(attestation));
}

absl::StatusOr<Attested> Lab::Handshake() { return Handshake(key()); }

absl::StatusOr<Attested> Lab::Handshake(const TeeKey& key) {
  ASSIGN_OR_RETURN(GuestSession session, Begin());
  ASSIGN_OR_RETURN(Json attestation, Honest(session, key));
  Reply reply = Attest(session, attestation);
  if (reply.status != 200) return StepFailed("attest", reply);
  ASSIGN_OR_RETURN(std::string token, ParseTokenAnswer(reply.body), "attest");
  if (std::string cookie = SessionCookieOf(reply.headers); !cookie.empty()) {
    session.cookie = std::move(cookie);
  }
  return Attested{std::move(session), std::move(token), std::move(attestation)};
}

Reply Lab::Get(const GuestSession& session, std::string_view path) {
  return Send("GET", StrCat("/kbs/v0/resource/", path), {{"Cookie", session.cookie}});
}

Reply Lab::GetBearer(std::string_view token, std::string_view path) {
  return Send("GET", StrCat("/kbs/v0/resource/", path),
              {{"Authorization", StrCat("Bearer ", token)}});
}

absl::StatusOr<std::string> Lab::AdminToken() const {
  ASSIGN_OR_RETURN(const auto key, crypto::PrivateKey::FromPem(AsBytes(options_.admin_key_pem)),
                   "admin key");
  return SignAdminToken(key, options_.admin_issuer, std::time(nullptr), 60);
}

Reply Lab::Admin(std::string_view method, std::string_view path, std::string body) {
  auto token = AdminToken();
  if (!token.ok()) return {.failure = std::string(Message(token.status()))};
  return Send(method, path, {{"Authorization", StrCat("Bearer ", *token)}}, std::move(body));
}

absl::Status StepFailed(std::string_view step, const Reply& reply) {
  return absl::FailedPreconditionError(StrCat(step, ": ", Describe(reply)));
}

std::string Describe(const Reply& reply) {
  if (reply.status == 0) return StrCat("no answer: ", reply.failure);
  if (reply.status < 400) return StrCat(reply.status, ", ", reply.body.size(), " bytes");
  auto error = ParseErrorBody(reply.body);
  if (!error.ok()) return StrCat(reply.status, " without the protocol's error body");
  return StrCat(reply.status, " ", error->variant, ": ",
                error->code.empty() ? error->detail : error->code);
}

}  // namespace nacre::attestation::harness
