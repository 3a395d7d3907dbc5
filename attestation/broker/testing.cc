#include "attestation/broker/testing.h"

#include <cstdlib>
#include <ctime>

#include "attestation/broker/setup.h"
#include "attestation/protocol/binding.h"
#include "attestation/protocol/error_body.h"
#include "attestation/protocol/jwt.h"
#include "attestation/reference/reference_value.h"
#include "crypto/jwk.h"
#include "tee/emulator/firmware_image.h"
#include "tee/sev/launch_digest.h"

namespace nacre::attestation::testing {
namespace {

// Test support has nobody to report to: a step that must work ends the program when it does not.
void Must(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "test support: %s\n", status.ToString().c_str());
  std::abort();
}

template <typename T>
T Must(absl::StatusOr<T> result) {
  Must(result.status());
  return *std::move(result);
}

constexpr int kRsaBits = 2048;  // the emulator's own 4096 take seconds

BrokerConfig MakeConfig(const std::string& folder) {
  SetupOptions options;
  options.folder = folder + "/kbs";
  options.emulated_root = Chip::Get().ark_path();
  options.allow_emulated = true;
  Must(SetUpBroker(options, std::time(nullptr)));
  return Must(ReadBrokerConfig(options.folder + "/kbs.toml"));
}

}  // namespace

Chip& Chip::Get() {
  static Chip chip;
  return chip;
}

Chip::Chip() : folder_(Must(TemporaryDirectory::Create("chip"))) {
  tee::emulator::IdentityOptions options;
  options.now = std::time(nullptr);
  options.rsa_bits = kRsaBits;
  Must(tee::emulator::CreateIdentity(folder_.path() + "/chip", options));
  Must(WriteFile(folder_.path() + "/firmware", tee::emulator::BuildStandInFirmware()));
  Must(WriteFile(folder_.path() + "/kernel", AsBytes("a kernel")));
  Must(WriteFile(folder_.path() + "/initrd", AsBytes("an initrd")));
}

tee::LaunchInputs Chip::Launch(std::string command_line) const {
  tee::LaunchInputs launch;
  launch.firmware_path = folder_.path() + "/firmware";
  launch.kernel_path = folder_.path() + "/kernel";
  launch.initrd_path = folder_.path() + "/initrd";
  launch.command_line = std::move(command_line);
  return launch;
}

std::string Chip::Reference(const tee::LaunchInputs& launch, const std::string& name) const {
  ReferenceValue reference;
  reference.name = name;
  reference.measurement = Must(tee::sev::MeasureLaunch(launch));
  reference.created = 1'700'000'000;
  return Must(SerializeReferenceValue(reference));
}

tee::sev::SnpEvidence Chip::Sign(const tee::LaunchInputs& launch,
                                 const tee::ReportData& report_data,
                                 const std::function<void(tee::sev::Report&)>& change) const {
  auto identity = Must(tee::emulator::LoadIdentity(folder_.path() + "/chip"));
  auto platform = Must(tee::emulator::Platform::Create(std::move(identity), launch));
  auto report = Must(tee::sev::ParseReport(Must(platform.SignReport(report_data))));
  if (change) {
    change(report);
    auto key = Must(tee::emulator::LoadIdentity(folder_.path() + "/chip"));
    Bytes bytes = tee::sev::SerializeReport(report);
    Bytes signature = Must(key.leaf_key.SignEcdsa(crypto::HashAlgorithm::kSha384,
                                                  ByteView(bytes).first(tee::sev::kSignedSize)));
    Must(tee::sev::SetReportSignature(signature, &report));
  }
  tee::Evidence evidence;
  evidence.report = tee::sev::SerializeReport(report);
  evidence.auxiliary = platform.certificate_table();
  return Must(tee::sev::SnpEvidenceFrom(evidence));
}

absl::StatusOr<tee::Evidence> ChipEvidenceSource::Quote(const tee::ReportData& report_data) {
  tee::sev::SnpEvidence signed_evidence = Chip::Get().Sign(launch_, report_data);
  tee::Evidence evidence;
  evidence.emulated = true;
  evidence.report = std::move(signed_evidence.report);
  ASSIGN_OR_RETURN(evidence.auxiliary,
                   tee::sev::BuildCertificateTable(signed_evidence.certificates));
  return evidence;
}

TestBroker::TestBroker(const std::function<void(BrokerConfig&)>& change)
    : now(std::time(nullptr)), folder_(Must(TemporaryDirectory::Create("broker"))) {
  BrokerConfig config = MakeConfig(folder_.path());
  if (change) change(config);
  auto context = Must(OpenBrokerContext(config));
  context->unix_time = [this] { return now; };
  context_ = context.get();
  broker_ = std::make_unique<Broker>(std::move(context));
}

void TestBroker::Provision() {
  std::string reference = Chip::Get().Reference(Chip::Get().Launch(), "pearl");
  for (const auto& [path, body] :
       {std::pair<std::string, std::string>{"reference-value", reference},
        {"resource/default/key/1", "secret"}}) {
    Answer answer = Admin("POST", "/kbs/v0/" + path, body);
    if (answer.response.status != 200) Must(absl::InternalError(answer.response.body));
  }
}

Answer TestBroker::Handle(const std::string& method, const std::string& path,
                          net::HttpHeaders headers, std::string body) {
  net::HttpServerRequest request;
  request.method = method;
  const size_t query = std::min(path.find('?'), path.size());
  request.path = path.substr(0, query);
  request.query = path.substr(std::min(query + 1, path.size()));
  request.headers = std::move(headers);
  request.body = std::move(body);
  request.peer = "10.0.2.15:40000";
  return broker_->Handle(request);
}

Answer TestBroker::Admin(const std::string& method, const std::string& path, std::string body) {
  return Handle(method, path, {{"Authorization", "Bearer " + AdminToken()}}, std::move(body));
}

std::string TestBroker::AdminToken(int64_t lifetime_s) {
  Bytes pem = Must(ReadFile(folder_.path() + "/kbs/admin.key", 4096));
  auto key = Must(crypto::PrivateKey::FromPem(pem));
  return Must(SignAdminToken(key, kAdminIssuer, now, lifetime_s));
}

Json TestBroker::LastExplanation() {
  return Must(ParseJson(Admin("GET", "/kbs/v0/admin/attestations/last").response.body));
}

TestGuest::TestGuest(TestBroker& its_broker)
    : broker(its_broker), key(Must(crypto::PrivateKey::GenerateEc(crypto::Curve::kP256))) {}

Answer TestGuest::Auth() {
  std::string body = Must(SerializeRequest(
      {.version = std::string(kProtocolVersion), .tee = tee, .extra_params = Json::object()}));
  Answer answer = broker.Handle("POST", "/kbs/v0/auth", {}, body);
  if (answer.response.status == 200) {
    nonce = Must(ParseChallenge(answer.response.body)).nonce;
    std::string set_cookie(answer.response.Header("Set-Cookie"));
    cookie = set_cookie.substr(0, set_cookie.find(';'));
  }
  return answer;
}

Attestation TestGuest::GoodAttestation(const std::function<void(tee::sev::Report&)>& change) {
  Attestation attestation;
  attestation.init_data = init_data;
  attestation.nonce = nonce;
  attestation.tee_pubkey = Must(crypto::PublicKeyToJwk(key.public_key()));
  attestation.tee_pubkey["alg"] = key_algorithm;
  if (!tee_pubkey.is_null()) attestation.tee_pubkey = tee_pubkey;
  auto report_data = Must(BindReportData(nonce, attestation.tee_pubkey, ""));
  SnpEvidenceMessage message;
  message.evidence = Chip::Get().Sign(launch, report_data, change);
  if (send_hint) message.hint = LaunchHint{launch.command_line, launch.vcpus};
  attestation.primary_evidence = Must(SnpEvidenceToJson(message));
  return attestation;
}

Answer TestGuest::Attest(const Attestation& attestation) {
  Answer answer = broker.Handle("POST", "/kbs/v0/attest", {{"Cookie", cookie}},
                                Must(SerializeAttestation(attestation)));
  if (answer.response.status != 200) return answer;
  token = Must(ParseTokenAnswer(answer.response.body));
  std::string set_cookie(answer.response.Header("Set-Cookie"));
  if (!set_cookie.empty()) cookie = set_cookie.substr(0, set_cookie.find(';'));
  return answer;
}

Answer TestGuest::Run(const std::function<void(tee::sev::Report&)>& change) {
  Answer answer = Auth();
  return answer.response.status == 200 ? Attest(GoodAttestation(change)) : answer;
}

Answer TestGuest::Get(const std::string& path) {
  return broker.Handle("GET", "/kbs/v0/resource/" + path, {{"Cookie", cookie}});
}

std::string CodeOf(const Answer& answer) {
  auto error = ParseErrorBody(answer.response.body);
  return error.ok() ? error->code : "";
}

}  // namespace nacre::attestation::testing
