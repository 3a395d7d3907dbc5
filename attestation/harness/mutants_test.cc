// Brokers that are wrong on purpose: each must fail the cases that are about its fault. A suite
// that no broker can fail would prove nothing.
#include <gmock/gmock.h>

#include <mutex>

#include "absl/strings/str_replace.h"
#include "attestation/harness/served_broker.h"
#include "attestation/harness/suites.h"
#include "attestation/harness/token_tools.h"
#include "attestation/protocol/error_body.h"
#include "attestation/protocol/jwt.h"
#include "base/encoding.h"
#include "base/status_testing.h"

namespace nacre::attestation::harness {
namespace {

using net::HttpResponse;
using net::HttpServerRequest;
using Inner = ServedBroker::Inner;

// What a weak broker remembers between requests.
struct Memory {
  std::mutex mutex;
  std::string token;       // the first it gave
  std::string cookie;      // the last it gave
  HttpResponse challenge;  // the first it gave; status 0 before
  bool broken = false;
  ServedBroker* served = nullptr;
};

using Weakness =
    std::function<HttpResponse(Memory&, HttpServerRequest request, const Inner& inner)>;

struct Mutant {
  const char* name;
  Weakness weakness;
  std::vector<std::string> caught_by;  // cases that must fail
  std::function<void(net::HttpServerOptions&)> serve = {};
  int64_t patience_ms = 20'000;
};

void SetHeader(HttpServerRequest& request, std::string_view name, std::string value) {
  std::erase_if(request.headers, [&](const auto& header) { return header.first == name; });
  request.headers.emplace_back(std::string(name), std::move(value));
}

bool IsAttest(const HttpServerRequest& request) { return request.path == "/kbs/v0/attest"; }

// Gives a token where the broker refuses for one of these reasons; for any reason when there is
// none.
Weakness Forgives(std::set<std::string> codes) {
  return [codes](Memory& memory, HttpServerRequest request, const Inner& inner) {
    HttpResponse answer = inner(request);
    if (!IsAttest(request)) return answer;
    std::lock_guard lock(memory.mutex);
    if (answer.status == 200 && memory.token.empty()) {
      memory.token = *ParseTokenAnswer(answer.body);
    }
    auto error = ParseErrorBody(answer.body);
    bool forgiven =
        answer.status == 401 && error.ok() &&
        (codes.empty() ? error->variant == "AttestationError" : codes.contains(error->code));
    if (!forgiven) return answer;
    return net::MakeResponse(200, "application/json", SerializeTokenAnswer(memory.token));
  };
}

// Lets a bearer through without a look at it when `gullible` says so.
Weakness TakesTokens(std::function<bool(const std::string&)> gullible) {
  return [gullible](Memory& memory, HttpServerRequest request, const Inner& inner) {
    std::lock_guard lock(memory.mutex);
    std::string bearer(BearerToken(request.Header("Authorization")));
    if (!memory.token.empty() && !bearer.empty() && gullible(bearer)) {
      SetHeader(request, "Authorization", "Bearer " + memory.token);
    }
    HttpResponse answer = inner(request);
    if (IsAttest(request) && answer.status == 200 && memory.token.empty()) {
      memory.token = *ParseTokenAnswer(answer.body);
    }
    return answer;
  };
}

// Changes requests, or answers.
Weakness ChangesRequests(std::function<void(HttpServerRequest&)> change) {
  return [change](Memory&, HttpServerRequest request, const Inner& inner) {
    change(request);
    return inner(request);
  };
}
Weakness ChangesAnswers(std::function<void(const HttpServerRequest&, HttpResponse&)> change) {
  return [change](Memory&, HttpServerRequest request, const Inner& inner) {
    HttpResponse answer = inner(request);
    change(request, answer);
    return answer;
  };
}

HttpResponse TakesTheLastSession(Memory& memory, HttpServerRequest request, const Inner& inner) {
  std::lock_guard lock(memory.mutex);
  if (IsAttest(request)) SetHeader(request, "Cookie", memory.cookie);
  HttpResponse answer = inner(request);
  std::string cookie(answer.Header("Set-Cookie"));
  if (request.path == "/kbs/v0/auth") memory.cookie = cookie.substr(0, cookie.find(';'));
  return answer;
}

HttpResponse OneNonceForAll(Memory& memory, HttpServerRequest request, const Inner& inner) {
  std::lock_guard lock(memory.mutex);
  if (request.path != "/kbs/v0/auth") return inner(request);
  if (memory.challenge.body.empty()) memory.challenge = inner(request);
  return memory.challenge;
}

HttpResponse EverybodyIsTheOwner(Memory& memory, HttpServerRequest request, const Inner& inner) {
  if (request.method != "GET" && request.path.starts_with("/kbs/v0/re")) {
    SetHeader(request, "Authorization", "Bearer " + memory.served->broker.AdminToken());
  }
  return inner(request);
}

HttpResponse BreaksAtTheFirstRefusal(Memory& memory, HttpServerRequest request,
                                     const Inner& inner) {
  std::lock_guard lock(memory.mutex);
  if (memory.broken) return net::MakeResponse(503, "text/plain", "");
  HttpResponse answer = inner(request);
  memory.broken = answer.status == 400;
  return answer;
}

void TellsTheMeasurement(const HttpServerRequest&, HttpResponse& answer) {
  if (answer.status != 401) return;
  answer.body = SerializeErrorBody(
      {"AttestationError", "expected " + HexEncode(Bytes(48, 0x5a)), "launch-measurement", "1"});
}

void ReadsJsonLeniently(HttpServerRequest& request) {
  Json json = Json::parse(request.body, nullptr, false);
  if (!json.is_discarded()) request.body = json.dump(-1, ' ', false, Json::error_handler_t::ignore);
}

void TidiesPaths(HttpServerRequest& request) {
  request.path = absl::StrReplaceAll(
      request.path, {{"/x/../", "/"}, {"/./", "/"}, {"//", "/"}, {"%2f", "/"}, {"%00", ""}});
  while (request.path.ends_with('/')) request.path.pop_back();
}

void SpacesInTheHeader(const HttpServerRequest&, HttpResponse& answer) {
  Json jwe = Json::parse(answer.body, nullptr, false);
  if (answer.status != 200 || !jwe.is_object() || !jwe.contains("protected")) return;
  Bytes header = *Base64UrlDecode(jwe["protected"].get<std::string>());
  jwe["protected"] = Base64UrlEncode(AsBytes(Json::parse(AsText(header)).dump(1)));
  answer.body = jwe.dump();
}

std::vector<Mutant> Mutants() {
  return {
      {"takes a nonce twice",
       Forgives({"nonce-replayed"}),
       {"attack/session/nonce-second-try", "attack/session/nonce-replayed"}},
      {"takes another session's nonce",
       Forgives({"nonce-mismatch"}),
       {"attack/session/other-sessions-cookie", "attack/session/old-attestation-new-session",
        "attack/session/nonce-of-ones-own"}},
      {"skips the report data",
       Forgives({"report-data"}),
       {"attack/binding/swapped-key", "attack/binding/another-guests-evidence",
        "attack/binding/report-data-zero", "attack/session/old-evidence-new-nonce"}},
      {"believes all evidence",
       Forgives({}),
       {"attack/snp-report/debug", "attack/snp-report/signature-zero",
        "attack/snp-report/measurement-changed", "attack/snp-chain/self-made",
        "attack/snp-chain/cross-signed", "attack/tdx/debug", "attack/tdx/self-made",
        "attack/tpm/self-made-ak", "attack/policy/own-reference"}},
      {"uses collateral for ever",
       Forgives({"revocation", "collateral-dates"}),
       {"attack/collateral/snp-crl-expired", "attack/collateral/snp-crl-of-the-future",
        "attack/collateral/tdx-tcb-info-expired", "attack/collateral/tdx-tcb-info-of-the-future",
        "attack/collateral/tdx-qe-identity-expired",
        "attack/collateral/tdx-qe-identity-of-the-future", "attack/collateral/tdx-root-crl-expired",
        "attack/collateral/tdx-root-crl-of-the-future", "attack/collateral/tdx-pck-crl-expired",
        "attack/collateral/tdx-pck-crl-of-the-future", "attack/collateral/tdx-collateral-expired",
        "attack/collateral/tdx-collateral-of-the-future"}},
      {"looks into no CRL",
       Forgives({"revocation"}),
       {"attack/collateral/snp-crl-revokes", "attack/collateral/snp-crl-garbage"}},
      {"takes the last session for everybody's",
       TakesTheLastSession,
       {"attack/session/cookie-missing", "attack/session/cookie-made-up"}},
      {"gives one nonce to all", OneNonceForAll, {"protocol/auth/never-twice"}},
      {"takes alg none",
       TakesTokens([](const std::string& token) {
         auto parts = TakeApart(token);
         return parts.ok() && parts->header.value("alg", "") == "none";
       }),
       {"attack/token/alg-none", "attack/token/alg-none-signed"}},
      {"verifies no signature",
       TakesTokens([](const std::string&) { return true; }),
       {"attack/token/claims-changed", "attack/token/signature-zero", "attack/token/self-signed",
        "attack/token/hmac-with-public-pem", "attack/token/header-jwk"}},
      {"lets everybody administer",
       EverybodyIsTheOwner,
       {"protocol/admin/set-resource-nobody", "protocol/admin/set-resource-guest",
        "protocol/admin/set-resource-alg-none"}},
      {"tells what it expected",
       ChangesAnswers(TellsTheMeasurement),
       {"attack/snp-report/measurement-changed"}},
      {"fails instead of refusing",
       ChangesAnswers([](const HttpServerRequest&, HttpResponse& answer) {
         if (answer.status == 400) answer.status = 500;
       }),
       {"protocol/attest/without-nonce", "attack/json/cut"}},
      {"has errors of its own form",
       ChangesAnswers([](const HttpServerRequest&, HttpResponse& answer) {
         if (answer.status >= 400) answer.body = "no";
       }),
       {"protocol/service/error-json"}},
      {"takes every version",
       ChangesRequests([](HttpServerRequest& request) {
         request.body =
             absl::StrReplaceAll(request.body, {{R"("version":"0.3.0")", R"("version":"0.4.0")"}});
       }),
       {"protocol/auth/version-older"}},
      {"reads JSON leniently",
       ChangesRequests(ReadsJsonLeniently),
       {"attack/json/duplicate-nonce", "attack/json/duplicate-key"}},
      {"tidies paths",
       ChangesRequests(TidiesPaths),
       {"attack/path/dot-dot", "attack/path/double-slash", "attack/path/nul",
        "attack/path/trailing-slash"}},
      {"writes JWE headers with spaces",
       ChangesAnswers(SpacesInTheHeader),
       {"protocol/resource/jwe-header-bytes", "protocol/key/P-256"}},
      {"gives cookies to scripts",
       ChangesAnswers([](const HttpServerRequest&, HttpResponse& answer) {
         for (auto& [name, value] : answer.headers) {
           if (name == "Set-Cookie") value = absl::StrReplaceAll(value, {{"; HttpOnly", ""}});
         }
       }),
       {"protocol/auth/cookie-flags"}},
      {"breaks at the first bad request", BreaksAtTheFirstRefusal, {"attack/json/still-serving"}},
      {"takes bodies of any size",
       ChangesRequests([](HttpServerRequest&) {}),
       {"attack/size/auth-above-limit", "attack/size/attest-above-limit"},
       [](net::HttpServerOptions& options) { options.max_body = 64 << 20; }},
      {"waits for slow clients",
       ChangesRequests([](HttpServerRequest&) {}),
       {"attack/http/slow-head", "attack/http/slow-body"},
       [](net::HttpServerOptions& options) {
         options.head_timeout_ms = options.body_timeout_ms = 60'000;
       },
       1'500}};
}

class MutantTest : public ::testing::TestWithParam<size_t> {};

TEST_P(MutantTest, IsCaught) {
  const Mutant mutant = Mutants()[GetParam()];
  Memory memory;
  ServedBroker served(
      {},
      [&](const HttpServerRequest& request, const Inner& inner) {
        return mutant.weakness(memory, request, inner);
      },
      mutant.serve);
  memory.served = &served;
  auto probe = *Probe::Create(served.target());
  auto snp = ServedBroker::Guest();
  auto tdx = ServedBroker::TrustDomain();
  Lab lab(*probe, snp.get(), snp.get(), tdx.get(),
          {.admin_key_pem = served.admin_key_pem(),
           .collateral_folder = served.collateral_folder(),
           .patience_ms = mutant.patience_ms});
  ASSERT_OK(lab.Prepare());
  // What the weakness makes impossible to try, like an honest guest's second handshake, must not
  // hide it.
  std::vector<std::string> only = mutant.caught_by;
  if (only[0].ends_with("still-serving")) only.push_back("attack/json/empty");
  SuiteReport report = RunSuites(lab, AllFamilies(), only);
  for (const std::string& id : mutant.caught_by) {
    bool caught = std::any_of(report.results.begin(), report.results.end(), [&](const auto& one) {
      return one.Id() == id && one.verdict == Verdict::kFailed;
    });
    EXPECT_TRUE(caught) << "a broker that " << mutant.name << " passes " << id << "\n"
                        << FormatSuites(report);
  }
}

INSTANTIATE_TEST_SUITE_P(All, MutantTest, ::testing::Range<size_t>(0, Mutants().size()),
                         [](const auto& parameter) {
                           return absl::StrReplaceAll(std::string(Mutants()[parameter.param].name),
                                                      {{" ", "_"}, {"'", ""}});
                         });

}  // namespace
}  // namespace nacre::attestation::harness
