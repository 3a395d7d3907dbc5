#include "attestation/harness/guest_run.h"

#include <chrono>
#include <ctime>

#include "attestation/client/handshake.h"
#include "attestation/harness/tee_key.h"
#include "attestation/protocol/binding.h"
#include "attestation/protocol/error_body.h"
#include "attestation/protocol/messages.h"
#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/jws.h"

namespace nacre::attestation::harness {
namespace {

constexpr size_t kShown = 160;  // characters of one value

using Time = std::chrono::steady_clock::time_point;

int64_t Since(Time start) {
  auto elapsed = std::chrono::steady_clock::now() - start;
  return std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count();
}

std::string Shortened(std::string_view text) {
  if (text.size() <= kShown) return std::string(text);
  return StrCat(text.substr(0, kShown - 40), "... (", text.size(), " characters)");
}

// The JSON with its long strings and arrays cut; text that is none, cut as a whole.
Json Cut(const Json& value) {
  if (value.is_string()) return Shortened(value.get_ref<const std::string&>());
  if (value.is_array() && value.size() > 8) return StrCat("[", value.size(), " items]");
  Json out = value;
  if (value.is_structured()) {
    for (Json& part : out) part = Cut(part);
  }
  return out;
}

std::string ShownBody(std::string_view body) {
  auto json = ParseJson(body);
  if (!json.ok()) return Shortened(body);
  auto text = DumpJson(Cut(*json));
  return text.ok() ? *text : Shortened(body);
}

// "401 AttestationError launch-measurement: attestation refused (id 12ab)".
std::string RefusalOf(const net::HttpResponse& response) {
  std::string text = StrCat("the broker answers ", response.status);
  auto error = ParseErrorBody(response.body);
  if (!error.ok()) return text;
  StrAppend(&text, " ", error->variant, ": ", error->detail);
  if (!error->code.empty()) StrAppend(&text, ", code ", error->code);
  if (!error->correlation_id.empty()) {
    StrAppend(&text, ", id ", error->correlation_id, " (nacre kbs explain ", error->correlation_id,
              ")");
  }
  return text;
}

class Runner {
 public:
  Runner(Probe& probe, Guest& guest, const RunOptions& options)
      : probe_(probe), guest_(guest), options_(options) {}

  RunReport Run() {
    auto start = std::chrono::steady_clock::now();
    report_.broker = probe_.target().url;
    report_.guest = guest_.Describe();
    report_.tee = std::string(EvidenceKindName(guest_.kind()));
    absl::Status status = Steps();
    report_.total_us = Since(start);
    report_.sentence = Sentence(status);
    return std::move(report_);
  }

 private:
  absl::Status Steps() {
    ASSIGN_OR_RETURN(key_, MakeTeeKeyAsStep());
    RETURN_IF_ERROR(Auth());
    RETURN_IF_ERROR(Quote());
    RETURN_IF_ERROR(Attest());
    RETURN_IF_ERROR(ReadToken());
    return options_.resource.empty() ? absl::OkStatus() : Fetch();
  }

  std::string Sentence(const absl::Status& status) const {
    if (!status.ok()) return StrCat(report_.steps.back().name, " failed: ", Message(status));
    if (report_.released) return StrCat("attested, and ", options_.resource, " was released");
    return "attested";
  }

  RunStep& Begin(std::string name) {
    report_.steps.push_back({.name = std::move(name)});
    return report_.steps.back();
  }

  absl::Status Fail(absl::Status status) {
    report_.steps.back().error = std::string(Message(status));
    return status;
  }

  absl::StatusOr<std::optional<TeeKey>> MakeTeeKeyAsStep() {
    RunStep& step = Begin("key");
    auto start = std::chrono::steady_clock::now();
    auto key = MakeTeeKey(options_.key);
    step.took_us = Since(start);
    if (!key.ok()) return Fail(key.status());
    step.facts = {{"kind", options_.key}, {"algorithm", key->jwk["alg"].get<std::string>()}};
    return std::optional<TeeKey>(*std::move(key));
  }

  // Sends, and keeps what went to and fro. An answer other than 200 is an error.
  absl::StatusOr<net::HttpResponse> Ask(std::string name, std::string_view method,
                                        std::string_view path, net::HttpHeaders headers,
                                        std::string body) {
    Exchange exchange = probe_.Send(method, path, std::move(headers), std::move(body));
    RunStep& step = Begin(std::move(name));
    step.method = exchange.method;
    step.path = exchange.path;
    step.sent = exchange.body.size();
    step.request = ShownBody(exchange.body);
    step.took_us = exchange.took_us;
    if (!exchange.answer.ok()) return Fail(exchange.answer.status());
    step.status = exchange.answer->status;
    step.received = exchange.answer->body.size();
    step.answer = ShownBody(exchange.answer->body);
    if (step.status != 200) return Fail(absl::PermissionDeniedError(RefusalOf(*exchange.answer)));
    return std::move(exchange.answer);
  }

  absl::Status Auth() {
    ASSIGN_OR_RETURN(
        std::string body,
        SerializeRequest({.version = std::string(kProtocolVersion),
                          .tee = report_.tee,
                          .extra_params = {{"supported-hash-algorithms", {"sha384", "sha512"}}}}));
    ASSIGN_OR_RETURN(const net::HttpResponse response,
                     Ask("auth", "POST", "/kbs/v0/auth", {}, std::move(body)));
    auto challenge = ParseChallenge(response.body);
    if (!challenge.ok()) return Fail(challenge.status());
    nonce_ = challenge->nonce;
    cookie_ = SessionCookieOf(response.headers);
    RunStep& step = report_.steps.back();
    for (const auto& [name, value] : response.headers) {
      bool session = value.starts_with(kSessionCookie);
      size_t attributes = std::min(value.find(';'), value.size());
      if (session) {
        step.facts.emplace_back(
            "session cookie",
            StrCat(attributes, " characters", std::string_view(value).substr(attributes)));
      }
    }
    if (cookie_.empty()) return Fail(absl::DataLossError("the answer sets no session cookie"));
    return absl::OkStatus();
  }

  absl::Status Quote() {
    RunStep& step = Begin("evidence");
    auto start = std::chrono::steady_clock::now();
    auto report_data = BindReportData(nonce_, key_->jwk, "");
    if (!report_data.ok()) return Fail(report_data.status());
    auto evidence = guest_.Evidence(*report_data);
    step.took_us = Since(start);
    step.facts.emplace_back("report data", HexEncode(report_data->view().first(48)));
    if (!guest_.fresh()) {
      step.facts.emplace_back("note",
                              "evidence of a file is for another nonce: a broker refuses it");
    }
    if (!evidence.ok()) return Fail(evidence.status());
    evidence_ = *std::move(evidence);
    return absl::OkStatus();
  }

  absl::Status Attest() {
    Attestation attestation;
    attestation.init_data = guest_.init_data();
    attestation.nonce = nonce_;
    attestation.tee_pubkey = key_->jwk;
    attestation.primary_evidence = evidence_;
    ASSIGN_OR_RETURN(std::string body, SerializeAttestation(attestation));
    ASSIGN_OR_RETURN(const net::HttpResponse response, Ask("attest", "POST", "/kbs/v0/attest",
                                                           {{"Cookie", cookie_}}, std::move(body)));
    auto token = ParseTokenAnswer(response.body);
    if (!token.ok()) return Fail(token.status());
    token_ = *std::move(token);
    std::string cookie = SessionCookieOf(response.headers);
    if (!cookie.empty()) cookie_ = std::move(cookie);
    report_.attested = true;
    return absl::OkStatus();
  }

  // What the token says; the broker alone can judge its signature.
  absl::Status ReadToken() {
    RunStep& step = Begin("token");
    auto jws = crypto::ParseUnverifiedJws(token_);
    if (!jws.ok()) return Fail(jws.status());
    auto claims = ParseJson(AsText(jws->payload));
    if (!claims.ok()) return Fail(claims.status());
    step.answer = ShownBody(AsText(jws->payload));
    step.facts.emplace_back("size", StrCat(token_.size(), " characters"));
    for (const char* name : {"alg", "kid"}) {
      if (jws->header.contains(name) && jws->header[name].is_string()) {
        step.facts.emplace_back(name, jws->header[name].get<std::string>());
      }
    }
    if (claims->contains("exp") && (*claims)["exp"].is_number_integer()) {
      int64_t left = (*claims)["exp"].get<int64_t>() - static_cast<int64_t>(std::time(nullptr));
      step.facts.emplace_back("expires in", StrCat(left, " s"));
    }
    AddStatuses(*claims, &step);
    return absl::OkStatus();
  }

  static void AddStatuses(const Json& claims, RunStep* step) {
    if (!claims.contains("submods") || !claims["submods"].is_object()) return;
    for (const auto& [name, submodule] : claims["submods"].items()) {
      if (!submodule.is_object() || !submodule.contains("ear.status")) continue;
      const Json& status = submodule["ear.status"];
      if (status.is_string()) step->facts.emplace_back(name, status.get<std::string>());
    }
  }

  absl::Status Fetch() {
    ASSIGN_OR_RETURN(const net::HttpResponse response,
                     Ask("resource", "GET", StrCat("/kbs/v0/resource/", options_.resource),
                         {{"Cookie", cookie_}}, ""));
    auto contents = OpenResource(response.body, *key_);
    if (!contents.ok()) return Fail(contents.status());
    report_.steps.back().facts.emplace_back("secret",
                                            StrCat(contents->size(), " bytes, decrypted"));
    report_.released = true;
    return absl::OkStatus();
  }

  Probe& probe_;
  Guest& guest_;
  const RunOptions& options_;
  RunReport report_;
  std::optional<TeeKey> key_;
  std::string nonce_;
  std::string cookie_;
  std::string token_;
  Json evidence_;
};

// "1.234 ms".
std::string Milliseconds(int64_t us) {
  std::string fraction = std::to_string(us % 1000);
  return StrCat(us / 1000, ".", std::string(3 - fraction.size(), '0'), fraction, " ms");
}

}  // namespace

RunReport RunGuest(Probe& probe, Guest& guest, const RunOptions& options) {
  return Runner(probe, guest, options).Run();
}

std::string FormatRun(const RunReport& report) {
  std::string text =
      StrCat("broker  ", report.broker, "\nguest   ", report.guest, " (", report.tee, ")\n");
  int number = 0;
  for (const RunStep& step : report.steps) {
    StrAppend(&text, "\n", ++number, "  ", step.name, "  ", Milliseconds(step.took_us), "\n");
    if (!step.method.empty()) {
      StrAppend(&text, "   -> ", step.method, " ", step.path, "  ", step.sent, " bytes\n");
      if (step.sent > 0) StrAppend(&text, "      ", step.request, "\n");
      if (step.status != 0)
        StrAppend(&text, "   <- ", step.status, "  ", step.received, " bytes\n");
    }
    if (!step.answer.empty()) StrAppend(&text, "      ", step.answer, "\n");
    for (const auto& [name, value] : step.facts)
      StrAppend(&text, "      ", name, ": ", value, "\n");
    if (!step.error.empty()) StrAppend(&text, "   !! ", step.error, "\n");
  }
  StrAppend(&text, "\n", report.sentence, "; ", Milliseconds(report.total_us), " in all\n");
  return text;
}

Json RunToJson(const RunReport& report) {
  Json steps = Json::array();
  for (const RunStep& step : report.steps) {
    Json facts = Json::object();
    for (const auto& [name, value] : step.facts) facts[name] = value;
    Json out = {{"name", step.name}, {"took_us", step.took_us}, {"facts", std::move(facts)}};
    if (!step.method.empty()) {
      out["request"] = {{"method", step.method},
                        {"path", step.path},
                        {"bytes", step.sent},
                        {"body", step.request}};
      out["answer"] = {{"status", step.status}, {"bytes", step.received}, {"body", step.answer}};
    }
    if (!step.error.empty()) out["error"] = step.error;
    steps.push_back(std::move(out));
  }
  return {{"schema", "nacre.attest.run/1"}, {"broker", report.broker},
          {"guest", report.guest},          {"tee", report.tee},
          {"steps", std::move(steps)},      {"attested", report.attested},
          {"released", report.released},    {"total_us", report.total_us},
          {"sentence", report.sentence}};
}

}  // namespace nacre::attestation::harness
