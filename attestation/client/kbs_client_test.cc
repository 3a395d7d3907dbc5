// The guest's client against a broker that behaves as peers' do: a cookie without attributes, 401
// for nearly everything, errors without a code.
#include "attestation/client/kbs_client.h"

#include <gmock/gmock.h>

#include <atomic>
#include <ctime>
#include <thread>

#include "attestation/protocol/binding.h"
#include "attestation/protocol/error_body.h"
#include "attestation/protocol/limits.h"
#include "attestation/protocol/snp_evidence.h"
#include "base/status_testing.h"
#include "crypto/jwe.h"
#include "crypto/jwk.h"
#include "crypto/jws.h"
#include "crypto/x509_make.h"
#include "net/http_server.h"
#include "net/stand_in_proxy.h"

namespace nacre::attestation {
namespace {

// Quotes by filling in the report data; nobody here checks signatures.
class PaperSource : public tee::EvidenceSource {
 public:
  std::string_view name() const override { return "paper"; }
  absl::StatusOr<tee::Evidence> Quote(const tee::ReportData& report_data) override {
    ++quotes;
    if (!failure.ok()) return failure;
    tee::sev::Report report;
    report.version = 3;
    report.report_data = report_data.bytes;
    tee::Evidence evidence;
    evidence.report = tee::sev::SerializeReport(report);
    return evidence;
  }
  absl::Status failure;
  std::atomic<int> quotes = 0;
};

class PeerBroker {
 public:
  PeerBroker() : key_(*crypto::PrivateKey::GenerateEc(crypto::Curve::kP256)) {
    crypto::CertificateRequest request;
    request.subject = {{"CN", "peer"}};
    request.not_before = std::time(nullptr) - 60;
    request.not_after = request.not_before + 3600;
    request.server_auth = true;
    request.ip_addresses = {"127.0.0.1"};
    certificate_pem = crypto::MakeCertificate(request, key_.public_key(), nullptr, key_,
                                              crypto::SignatureScheme::kEcdsaSha256)
                          ->ToPem();
    net::HttpServerOptions options;
    options.tls_certificate_chain_pem = certificate_pem;
    options.tls_private_key_pem = *key_.ToPem();
    options.handler_threads = 4;
    options.max_body = 2 << 20;
    server_ = *net::HttpServer::Start(
        std::move(options), [this](const net::HttpServerRequest& asked) { return Answer(asked); });
  }

  KbsClientOptions Options() {
    KbsClientOptions options;
    options.url = server_->url();
    options.pinned_server_cert_pem = certificate_pem;
    options.evidence_source = &source;
    options.first_backoff_ms = 1;
    return options;
  }
  void Stop() { server_->Stop(); }

  KbsBroker AsFallback() { return {server_->url(), certificate_pem, "", ""}; }
  std::string public_key_pem() { return *key_.public_key().ToPem(); }

  std::string certificate_pem;
  PaperSource source;
  std::atomic<int> auths = 0, attests = 0, fetches = 0;
  std::atomic<int> busy_answers = 0;  // so many requests get 503 first
  int64_t token_lifetime_s = 300;
  net::HttpResponse attest_refusal;    // given instead of a token when its status is not 200
  net::HttpResponse resource_refusal;  // as above
  bool encrypt_to_another = false;
  bool takes_denials = true;
  net::HttpResponse denials_refusal;  // as above
  std::vector<GuestDenial> reported;  // as last received
  std::vector<size_t> reports;        // how many each message had
  std::optional<InitData> init_data;  // as last received
  std::optional<LaunchHint> hint;

 private:
  net::HttpResponse Answer(const net::HttpServerRequest& request) {
    if (busy_answers.fetch_sub(1) > 0) return net::MakeResponse(503, "text/plain", "later");
    if (request.path == "/kbs/v0/auth") return Auth(request);
    if (request.path == "/kbs/v0/attest") return Attest(request);
    if (request.path == "/kbs/v0/resource/default/key/1") return Resource(request);
    if (request.path == kDenialsPath && takes_denials) return Denials(request);
    return net::MakeResponse(404, "text/plain", "");
  }

  net::HttpResponse Auth(const net::HttpServerRequest& request) {
    auto message = ParseRequest(request.body);
    if (!message.ok() || message->version != "0.4.0" || message->tee != "snp") {
      return net::MakeResponse(400, "text/plain", "");
    }
    nonce_ = "nonce-" + std::to_string(++auths);
    auto response = net::MakeResponse(200, "application/json",
                                      R"({"nonce":")" + nonce_ + R"(","extra-params":""})");
    response.headers.emplace_back(
        "set-cookie", "kbs-session-id=0123456789abcdef; Expires=Sun, 22 Nov 2026 12:00:00 GMT");
    return response;
  }

  net::HttpResponse Attest(const net::HttpServerRequest& request) {
    ++attests;
    if (attest_refusal.status != 200) return attest_refusal;
    auto message = ParseAttestation(request.body);
    if (!message.ok() || message->nonce != nonce_ ||
        request.Header("Cookie") != "kbs-session-id=0123456789abcdef") {
      return net::MakeResponse(400, "text/plain", "bad attestation");
    }
    auto evidence = SnpEvidenceFromJson(message->primary_evidence);
    auto report = tee::sev::ParseReport(evidence->evidence.report);
    auto expected = BindReportData(message->nonce, message->tee_pubkey, "");
    if (report->report_data != expected->bytes) {
      return net::MakeResponse(401, "text/plain", "report data");
    }
    init_data = message->init_data;
    hint = evidence->hint;
    tee_key_ = message->tee_pubkey;
    Json claims = {{"exp", std::time(nullptr) + token_lifetime_s}};
    return net::MakeResponse(
        200, "application/json",
        SerializeTokenAnswer(*crypto::JwsSign(key_, crypto::JwsAlgorithm::kEs256, Json::object(),
                                              AsBytes(*DumpJson(claims)))));
  }

  net::HttpResponse Resource(const net::HttpServerRequest& request) {
    ++fetches;
    if (resource_refusal.status != 200) return resource_refusal;
    if (!request.Header("Authorization").starts_with("Bearer ey")) {
      return net::MakeResponse(401, "text/plain", "");
    }
    auto key = crypto::PublicKeyFromJwk(tee_key_);
    return net::MakeResponse(
        200, "application/json",
        *crypto::JweEncrypt(encrypt_to_another ? key_.public_key() : *key,
                            crypto::JweAlgorithm::kEcdhEsA256Kw, AsBytes("secret")));
  }

  net::HttpResponse Denials(const net::HttpServerRequest& request) {
    if (denials_refusal.status != 200) return denials_refusal;
    if (!request.Header("Authorization").starts_with("Bearer ey") || request.method != "POST") {
      return net::MakeResponse(401, "text/plain", "");
    }
    auto denials = ReadDenials(request.body, *crypto::PublicKeyFromJwk(tee_key_));
    if (!denials.ok()) return net::MakeResponse(400, "text/plain", denials.status().ToString());
    reports.push_back(denials->size());
    reported.insert(reported.end(), denials->begin(), denials->end());
    return net::MakeResponse(200, "application/json", "{}");
  }

  crypto::PrivateKey key_;
  std::string nonce_;
  Json tee_key_;
  std::unique_ptr<net::HttpServer> server_;
};

constexpr char kUri[] = "kbs:///default/key/1";

class KbsClientTest : public ::testing::Test {
 protected:
  std::unique_ptr<KbsClient> Client(const KbsClientOptions& options) {
    auto client = KbsClient::Create(options);
    EXPECT_OK(client);
    return *std::move(client);
  }
  std::unique_ptr<KbsClient> Client() { return Client(peer.Options()); }
  PeerBroker peer;
};

TEST_F(KbsClientTest, AttestsOnceAndFetches) {
  auto client = Client();
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(SecretBytes contents, client->GetResource(kUri));
    EXPECT_EQ(AsText(contents.view()), "secret");
  }
  EXPECT_EQ(peer.auths, 1);
  EXPECT_EQ(peer.attests, 1);
  EXPECT_EQ(peer.fetches, 3);
  EXPECT_EQ(client->timings().handshakes, 1u);
  EXPECT_GT(client->timings().last_handshake_us, 0);
  EXPECT_GE(client->timings().last_handshake_us, client->timings().last_quote_us);
}

TEST_F(KbsClientTest, ConcurrentCallersShareOneHandshake) {
  auto client = Client();
  std::atomic<int> good = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] { good += client->GetResource(kUri).ok() ? 1 : 0; });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(good, 8);
  EXPECT_EQ(peer.attests, 1);
  EXPECT_EQ(peer.source.quotes, 1);
}

TEST_F(KbsClientTest, ReportsDenialsWithItsAttestedKey) {
  auto client = Client();
  std::vector<GuestDenial> denials;
  for (uint64_t id = 1; id <= kMaxDenials + 1; ++id)
    denials.push_back({id, "ExecProcessRequest", "no"});
  ASSERT_OK(client->ReportDenials(denials));
  EXPECT_EQ(peer.reports, (std::vector<size_t>{kMaxDenials, 1}));
  ASSERT_EQ(peer.reported.size(), kMaxDenials + 1);
  EXPECT_EQ(peer.reported.back().id, kMaxDenials + 1);
  ASSERT_OK(client->ReportDenials({}));
  EXPECT_EQ(peer.reports.size(), 2u);
  EXPECT_EQ(peer.auths, 1);
  // What the key cannot sign is never sent.
  const std::vector<GuestDenial> bad = {{0, "R", ""}};
  EXPECT_STATUS(client->ReportDenials(bad), kInvalidArgument, "denials");
  EXPECT_EQ(peer.reports.size(), 2u);
}

TEST_F(KbsClientTest, ABrokerThatTakesNoDenialsIsToldApart) {
  const std::vector<GuestDenial> one = {{1, "R", ""}};
  auto client = Client();
  const std::pair<int, absl::StatusCode> refusals[] = {{403, absl::StatusCode::kPermissionDenied},
                                                       {401, absl::StatusCode::kUnauthenticated},
                                                       {429, absl::StatusCode::kUnavailable},
                                                       {503, absl::StatusCode::kUnavailable},
                                                       {413, absl::StatusCode::kInvalidArgument}};
  for (const auto& [status, code] : refusals) {
    peer.denials_refusal = net::MakeResponse(status, "text/plain", "");
    EXPECT_EQ(client->ReportDenials(one).code(), code) << status;
  }
  peer.takes_denials = false;
  EXPECT_EQ(client->ReportDenials(one).code(), absl::StatusCode::kNotFound);
  peer.Stop();
  EXPECT_EQ(client->ReportDenials(one).code(), absl::StatusCode::kUnavailable);
}

TEST_F(KbsClientTest, SendsInitDataAndHint) {
  KbsClientOptions options = peer.Options();
  options.init_data = InitData{"toml", "version = \"0.1.0\""};
  options.launch_hint = LaunchHint{"console=ttyS0", 2};
  ASSERT_OK(Client(options)->GetToken());
  EXPECT_EQ(peer.init_data->body, "version = \"0.1.0\"");
  EXPECT_EQ(peer.hint->command_line, "console=ttyS0");
  EXPECT_EQ(peer.hint->vcpus, 2u);
}

TEST_F(KbsClientTest, AHintTooLongToSendIsLeftOut) {
  for (size_t size : {kMaxCommandLineSize, kMaxCommandLineSize + 1}) {
    KbsClientOptions options = peer.Options();
    options.launch_hint = LaunchHint{std::string(size, 'x'), 1};
    ASSERT_OK(Client(options)->GetToken());
    EXPECT_EQ(peer.hint.has_value(), size == kMaxCommandLineSize);
  }
}

TEST_F(KbsClientTest, ATokenIsRenewedBeforeItExpires) {
  peer.token_lifetime_s = 1;  // half of a second's life is none, in whole seconds
  auto client = Client();
  ASSERT_OK(client->GetToken());
  ASSERT_OK(client->GetToken());
  EXPECT_EQ(peer.attests, 2);
}

TEST_F(KbsClientTest, ATokenThatClaimsToLastForAgesIsKept) {
  for (int64_t lifetime_s : {int64_t{10'000'000'000}, INT64_MAX / 2}) {  // past what a clock counts
    peer.token_lifetime_s = lifetime_s;
    peer.attests = 0;
    auto client = Client();
    ASSERT_OK(client->GetToken());
    ASSERT_OK(client->GetToken());
    EXPECT_EQ(peer.attests, 1) << lifetime_s;
  }
}

TEST_F(KbsClientTest, ARefusalNamesCodeAndIdAndIsNotRetried) {
  peer.attest_refusal =
      net::MakeResponse(401, "application/json",
                        SerializeErrorBody({"AttestationError", "attestation refused",
                                            "launch-measurement", "1f2e"}));
  EXPECT_STATUS(Client()->GetResource(kUri), kUnauthenticated, "launch-measurement (id 1f2e)");
  EXPECT_EQ(peer.auths, 1);
  EXPECT_EQ(peer.fetches, 0);
}

TEST_F(KbsClientTest, APeersRefusalShowsItsDetail) {
  peer.attest_refusal = net::MakeResponse(
      401, "", SerializeErrorBody({"AttestationError", "RCAR handshake Attest failed", "", ""}));
  EXPECT_STATUS(Client()->GetToken(), kUnauthenticated, "RCAR handshake Attest failed");
}

TEST_F(KbsClientTest, AnUnknownTokenIsRenewedOnce) {
  peer.resource_refusal = net::MakeResponse(401, "text/plain", "");
  EXPECT_STATUS(Client()->GetResource(kUri), kUnauthenticated, "HTTP status 401");
  EXPECT_EQ(peer.attests, 2);
  EXPECT_EQ(peer.fetches, 2);
}

TEST_F(KbsClientTest, DenialAndAbsenceAreTold) {
  peer.resource_refusal =
      net::MakeResponse(403, "application/json",
                        SerializeErrorBody({"PolicyDeny", "denied", "emulated-not-allowed", "2"}));
  EXPECT_STATUS(Client()->GetResource(kUri), kPermissionDenied, "emulated-not-allowed (id 2)");
  peer.resource_refusal = net::MakeResponse(404, "text/plain", "");
  EXPECT_STATUS(Client()->GetResource(kUri), kNotFound, kUri);
  EXPECT_EQ(peer.fetches, 2);
}

TEST_F(KbsClientTest, ABusyBrokerIsAskedAgainABoundedNumberOfTimes) {
  peer.busy_answers = 3;
  EXPECT_OK(Client()->GetToken());
  peer.busy_answers = 1000;
  EXPECT_STATUS(Client()->GetToken(), kUnavailable, "503");
  EXPECT_EQ(peer.busy_answers, 1000 - 4);
}

TEST_F(KbsClientTest, AnUnreachableBrokerIsNamed) {
  KbsClientOptions options = peer.Options();
  peer.Stop();
  EXPECT_STATUS(Client(options)->GetResource(kUri), kUnavailable, "127.0.0.1");
}

TEST_F(KbsClientTest, AnotherCertificateIsNotTheBroker) {
  PeerBroker stranger;
  KbsClientOptions options = peer.Options();
  options.pinned_server_cert_pem = stranger.certificate_pem;
  EXPECT_STATUS(Client(options)->GetResource(kUri), kUnauthenticated, "127.0.0.1");
  EXPECT_EQ(peer.auths, 0);
}

TEST_F(KbsClientTest, AFailedQuoteIsNotTheNetworksFault) {
  peer.source.failure = absl::UnavailableError("the port is closed");
  EXPECT_STATUS(Client()->GetToken(), kFailedPrecondition, "paper: the port is closed");
  EXPECT_EQ(peer.auths, 1);
}

TEST_F(KbsClientTest, AnAnswerForAnotherKeyIsDataLoss) {
  peer.encrypt_to_another = true;
  EXPECT_STATUS(Client()->GetResource(kUri), kDataLoss, kUri);
}

TEST_F(KbsClientTest, BadUrisAreNotAskedFor) {
  auto client = Client();
  EXPECT_STATUS(client->GetResource("kbs:///default/../1"), kInvalidArgument, "KBS URI");
  EXPECT_STATUS(client->GetResource("https://x/y"), kInvalidArgument, "KBS URI");
  EXPECT_EQ(peer.auths, 0);
}

TEST_F(KbsClientTest, ABrokerIsKnownByItsKeyWhateverItsCertificate) {
  KbsClientOptions options = peer.Options();
  options.pinned_server_cert_pem.clear();
  options.pinned_public_key_pem = peer.public_key_pem();
  EXPECT_OK(Client(options)->GetToken());
  PeerBroker stranger;
  options.pinned_public_key_pem = stranger.public_key_pem();
  EXPECT_STATUS(Client(options)->GetToken(), kUnauthenticated, "pinned one");
  options.pinned_server_cert_pem = peer.certificate_pem;
  EXPECT_STATUS(KbsClient::Create(options), kInvalidArgument, "more than one");
}

TEST_F(KbsClientTest, TheNextBrokerIsAskedWhenTheFirstIsGone) {
  PeerBroker other;
  KbsClientOptions options = peer.Options();
  options.fallbacks = {other.AsFallback()};
  auto client = Client(options);
  ASSERT_OK(client->GetResource(kUri));
  EXPECT_EQ(other.auths, 0);
  // A token is good only where it was given: the other broker gets a handshake of its own.
  peer.Stop();
  ASSERT_OK(client->GetResource(kUri));
  EXPECT_EQ(other.attests, 1);
  EXPECT_EQ(other.fetches, 1);
}

TEST_F(KbsClientTest, TheNextBrokerIsAskedWhenSomebodyElseAnswers) {
  PeerBroker other;
  KbsClientOptions options = peer.Options();
  options.pinned_server_cert_pem = other.certificate_pem;
  options.fallbacks = {other.AsFallback()};
  ASSERT_OK(Client(options)->GetResource(kUri));
  EXPECT_EQ(peer.auths, 0);
}

TEST_F(KbsClientTest, ARefusalIsNotGoneAround) {
  PeerBroker other;
  peer.attest_refusal = net::MakeResponse(401, "text/plain", "");
  KbsClientOptions options = peer.Options();
  options.fallbacks = {other.AsFallback()};
  EXPECT_STATUS(Client(options)->GetResource(kUri), kUnauthenticated, "401");
  EXPECT_EQ(other.auths, 0);
}

TEST_F(KbsClientTest, AllBrokersThatAreGoneAreNamed) {
  PeerBroker other;
  KbsClientOptions options = peer.Options();
  options.fallbacks = {other.AsFallback()};
  options.max_attempts = 2;
  peer.Stop();
  other.Stop();
  EXPECT_STATUS(Client(options)->GetToken(), kUnavailable, "; and: key broker");
}

TEST_F(KbsClientTest, AProxyIsAskedForAWayThrough) {
  net::StandInProxy proxy;
  KbsClientOptions options = peer.Options();
  options.proxy_url = proxy.url();
  auto client = Client(options);
  ASSERT_OK_AND_ASSIGN(SecretBytes contents, client->GetResource(kUri));
  EXPECT_EQ(AsText(contents.view()), "secret");
  EXPECT_EQ(proxy.asked_for(), options.url.substr(sizeof "https://" - 1));
  EXPECT_EQ(proxy.connections(), 1);  // kept for the second request
}

TEST_F(KbsClientTest, AProxyThatRefusesIsNamed) {
  net::StandInProxy proxy(407);
  KbsClientOptions options = peer.Options();
  options.proxy_url = proxy.url();
  options.max_attempts = 1;
  EXPECT_STATUS(Client(options)->GetToken(), kUnavailable, "it answers 407");
  EXPECT_EQ(peer.auths, 0);
  options.proxy_url = "https://127.0.0.1:1";
  EXPECT_STATUS(KbsClient::Create(options), kInvalidArgument, "want http");
}

TEST_F(KbsClientTest, OptionsThatCannotWorkAreRefused) {
  KbsClientOptions options = peer.Options();
  options.url = "http://127.0.0.1:1";
  EXPECT_STATUS(KbsClient::Create(options), kInvalidArgument, "https");
  options = peer.Options();
  options.evidence_source = nullptr;
  EXPECT_STATUS(KbsClient::Create(options), kInvalidArgument, "evidence source");
}

}  // namespace
}  // namespace nacre::attestation
