// nacre-as as a process, asked over REST and gRPC, both with TLS, by clients with certificates and
// without.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ctime>

#include "attestation/broker/identity_testing.h"
#include "attestation/broker/logged_program.h"
#include "attestation/broker/setup.h"
#include "attestation/broker/testing.h"
#include "attestation/protocol/binding.h"
#include "attestation/protocol/jwt.h"
#include "attestation/service/attestation.grpc.pb.h"
#include "base/encoding.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "base/unique_fd.h"
#include "crypto/digest.h"
#include "net/http_client.h"

namespace nacre::attestation::testing {
namespace {

using ::testing::HasSubstr;

const Json kRuntimeData = {{"nonce", "n"}};

std::string Evidence() {
  const Bytes binding =
      crypto::Digest(crypto::HashAlgorithm::kSha384, AsBytes(*CanonicalJson(kRuntimeData)));
  SnpEvidenceMessage message;
  message.evidence = Chip::Get().Sign(Chip::Get().Launch(), *tee::ReportData::FromBytes(binding));
  return Base64UrlEncode(AsBytes(SnpEvidenceToJson(message)->dump()));
}

::attestation::AttestationRequest GrpcRequest() {
  ::attestation::AttestationRequest request;
  auto* one = request.add_verification_requests();
  one->set_tee("snp");
  one->set_evidence(Evidence());
  one->set_structured_runtime_data(kRuntimeData.dump());
  return request;
}

std::string RestRequest() {
  return Json{{"verification_requests",
               {{{"tee", "snp"},
                 {"evidence", Evidence()},
                 {"runtime_data", {{"structured", kRuntimeData}}}}}}}
      .dump();
}

class ServiceProgramTest : public ::testing::Test {
 protected:
  ServiceProgramTest() {
    EXPECT_OK(SetUpBroker({.folder = folder(),
                           .extra_names = {},
                           .emulated_root = Chip::Get().ark_path(),
                           .allow_emulated = true},
                          std::time(nullptr)));
    Write("clients.pem", client_root.certificate.ToPem());
    std::string config = Read("kbs.toml");
    config.replace(config.find("# client_ca"), 2, "");
    config.insert(config.find("# Others get roles"),
                  "[admin.roles.policies]\nallow = [\"^/kbs/v0/attestation-policy$\"]\n"
                  "[admin.clients.ci]\nsubject = \"CN=ci\"\nrole = \"policies\"\n");
    Write("kbs.toml", config);
  }
  std::string folder() const { return temporary.path() + "/as"; }
  std::string Read(const std::string& name) {
    return *ReadTextFile(folder() + "/" + name, 1 << 20);
  }
  void Write(const std::string& name, std::string_view text) {
    ASSERT_OK(WriteFile(folder() + "/" + name, AsBytes(text), 0600));
  }
  // One line of kbs.toml in the place of another that begins so.
  void Configure(const std::string& begin, const std::string& line) {
    std::string config = Read("kbs.toml");
    const size_t at = config.find("\n" + begin) + 1;
    config.replace(at, config.find('\n', at) - at, line);
    Write("kbs.toml", config);
  }
  void Start() {
    program.emplace("nacre-as", std::vector<std::string>{
                                    "--config", folder() + "/kbs.toml", "--listen", "127.0.0.1:0",
                                    "--grpc", "127.0.0.1:0", "--port-file", folder() + "/ports"});
    ASSERT_NE(program->WaitForLine("\"ready\""), "") << program->output;
    const std::string ports = Read("ports");
    const auto lines = StrSplit(ports, '\n');
    ASSERT_TRUE(ParseNumber(lines[0], &rest_port));
    ASSERT_TRUE(ParseNumber(lines[1], &grpc_port));
  }

  absl::StatusOr<net::HttpResponse> Post(const std::string& path, std::string body = "",
                                         net::HttpHeaders headers = {}) {
    ASSIGN_OR_RETURN(
        auto http,
        net::HttpClient::Create({.trusted_ca_pem = {}, .pinned_server_cert_pem = Read("tls.pem")}));
    net::HttpRequest request;
    request.method = "POST";
    request.url = StrCat("https://127.0.0.1:", rest_port, path);
    request.headers = std::move(headers);
    request.body = std::move(body);
    return http->Send(request);
  }

  std::unique_ptr<::attestation::AttestationService::Stub> Stub(const Identity* client = nullptr) {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = Read("tls.pem");
    if (client != nullptr) {
      tls.pem_cert_chain = client->certificate.ToPem();
      tls.pem_private_key = client->key_pem();
    }
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    return ::attestation::AttestationService::NewStub(grpc::CreateCustomChannel(
        StrCat("127.0.0.1:", grpc_port), grpc::SslCredentials(tls), arguments));
  }
  static std::unique_ptr<grpc::ClientContext> Call() {
    auto out = std::make_unique<grpc::ClientContext>();
    out->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return out;
  }
  grpc::Status Evaluate(const ::attestation::AttestationRequest& request,
                        const Identity* client = nullptr) {
    return Stub(client)->AttestationEvaluate(Call().get(), request, &response);
  }
  grpc::Status SetPolicy(const Identity* client, const std::string& token = "") {
    ::attestation::SetPolicyRequest policy;
    policy.set_policy_id("mine_cpu");
    policy.set_policy(Base64UrlEncode(
        AsBytes(std::string_view("package policy\ntrust_claims := {\"hardware\": 96}"))));
    ::attestation::SetPolicyResponse nothing;
    auto call = Call();
    if (!token.empty()) call->AddMetadata("authorization", "Bearer " + token);
    return Stub(client)->SetAttestationPolicy(call.get(), policy, &nothing);
  }

  TemporaryDirectory temporary = *TemporaryDirectory::Create("as");
  Identity client_root = MakeIdentity("clients", nullptr);
  std::optional<LoggedProgram> program;
  int rest_port = 0, grpc_port = 0;
  ::attestation::AttestationResponse response;
};

TEST_F(ServiceProgramTest, AnswersOverRestAndGrpcUntilSigterm) {
  Start();
  ASSERT_OK_AND_ASSIGN(const net::HttpResponse token, Post("/attestation", RestRequest()));
  EXPECT_EQ(token.status, 200) << token.body;
  EXPECT_EQ(Post("/challenge")->body.size(), 44u);
  EXPECT_EQ(Post("/attestation", "{}")->status, 400);
  EXPECT_EQ(Post("/kbs/v0/auth", "{}")->status, 404);

  const grpc::Status good = Evaluate(GrpcRequest());
  ASSERT_TRUE(good.ok()) << good.error_message();
  EXPECT_EQ(StrSplit(response.attestation_token(), '.').size(), 3u);
  auto forged = GrpcRequest();
  forged.mutable_verification_requests(0)->set_structured_runtime_data("{\"nonce\":\"other\"}");
  EXPECT_EQ(Evaluate(forged).error_code(), grpc::StatusCode::UNAUTHENTICATED);

  EXPECT_EQ(program->Stop(SIGTERM), 0);
}

TEST_F(ServiceProgramTest, FailuresAreOneLineAndNameTheThing) {
  LoggedProgram busy("nacre-as", {"--config", folder() + "/nothing.toml"});
  EXPECT_EQ(busy.Wait(), 1);
  EXPECT_THAT(busy.output, HasSubstr("nothing.toml"));
  LoggedProgram wrong("nacre-as", {});
  EXPECT_EQ(wrong.Wait(), 2);
  LoggedProgram nowhere("nacre-as", {"--config", folder() + "/kbs.toml", "--listen", "127.0.0.1:0",
                                     "--grpc", "nowhere.invalid:1"});
  EXPECT_EQ(nowhere.Wait(), 1);
  EXPECT_THAT(nowhere.output, HasSubstr("cannot serve gRPC on nowhere.invalid:1"));
}

TEST_F(ServiceProgramTest, AClientCertificateAdministersWhereItsRoleAllows) {
  Start();
  const Identity ci = MakeIdentity("ci", &client_root);
  const Identity nobody = MakeIdentity("nobody", &client_root);
  const grpc::Status allowed = SetPolicy(&ci);
  EXPECT_TRUE(allowed.ok()) << allowed.error_message();
  EXPECT_EQ(SetPolicy(&nobody).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(SetPolicy(nullptr).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  // Of another root: no connection, for no call.
  const Identity other_root = MakeIdentity("clients", nullptr);
  const Identity stranger = MakeIdentity("ci", &other_root);
  EXPECT_EQ(SetPolicy(&stranger).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Evaluate(GrpcRequest(), &stranger).error_code(), grpc::StatusCode::UNAVAILABLE);
  // Those without one are served, and the owner's token counts as it does over HTTP.
  EXPECT_TRUE(Evaluate(GrpcRequest()).ok());
  const auto owner = *crypto::PrivateKey::FromPem(AsBytes(Read("admin.key")));
  EXPECT_TRUE(
      SetPolicy(nullptr, *SignAdminToken(owner, kAdminIssuer, std::time(nullptr), 60)).ok());
}

TEST_F(ServiceProgramTest, OneRateIsForBothListeners) {
  Configure("attestations_per_minute", "attestations_per_minute = 1");
  Start();
  EXPECT_EQ(Post("/attestation", RestRequest())->status, 200);
  EXPECT_EQ(Evaluate(GrpcRequest()).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Post("/attestation", RestRequest())->status, 429);
}

TEST_F(ServiceProgramTest, MessagesAndMetadataAreBounded) {
  Configure("max_connections", "max_head = 8192");
  Start();
  auto large = GrpcRequest();
  large.mutable_verification_requests(0)->set_evidence(std::string(2 << 20, 'A'));
  EXPECT_EQ(Evaluate(large).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Post("/attestation", std::string((2 << 20) + 1, ' '))->status, 413);
  auto call = Call();
  call->AddMetadata("x-much", std::string(9000, 'a'));
  EXPECT_FALSE(Stub()->AttestationEvaluate(call.get(), GrpcRequest(), &response).ok());
  EXPECT_TRUE(Evaluate(GrpcRequest()).ok());
}

// Whoever connects and says nothing is hung up on.
TEST_F(ServiceProgramTest, ASilentClientIsTurnedAway) {
  Configure("max_connections", "head_timeout_s = 1");
  Start();
  for (const int port : {rest_port, grpc_port}) {
    UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char byte;
    ssize_t got;
    while ((got = ::read(client.get(), &byte, 1)) > 0) {
    }
    EXPECT_TRUE(got == 0 || errno == ECONNRESET) << port << ": " << errno;
  }
}

TEST_F(ServiceProgramTest, BothListenersSpeakOnlyTls13) {
  Start();
  for (const int port : {rest_port, grpc_port}) {
    for (const bool newest : {false, true}) {
      SubprocessOptions client;
      client.argv = {"openssl",
                     "s_client",
                     "-connect",
                     StrCat("127.0.0.1:", port),
                     "-alpn",
                     "h2",
                     newest ? "-tls1_3" : "-tls1_2"};
      const auto result = RunCommand(client);
      ASSERT_OK(result);
      EXPECT_EQ(result->out.find("Cipher is TLS_") != std::string::npos, newest) << result->out;
      EXPECT_EQ(result->out.find("Cipher is (NONE)") == std::string::npos, newest) << result->out;
    }
  }
}

TEST_F(ServiceProgramTest, SighupTakesUpARenewedCertificate) {
  Start();
  ASSERT_TRUE(Evaluate(GrpcRequest()).ok());
  const std::string before = Read("tls.pem");
  const Identity renewed = MakeIdentity("renewed", nullptr, true);
  Write("tls.pem", renewed.certificate.ToPem());
  // Not its key yet: what serves goes on serving.
  program->Signal(SIGHUP);
  EXPECT_THAT(program->WaitForLine("certificate-reload"), HasSubstr("\"ok\":false"));
  Write("tls.pem", before);
  EXPECT_TRUE(Evaluate(GrpcRequest()).ok());
  EXPECT_EQ(Post("/challenge")->status, 200);

  Write("tls.pem", renewed.certificate.ToPem());
  Write("tls.key", renewed.key_pem());
  program->Signal(SIGHUP);
  EXPECT_THAT(program->WaitForLine("certificate-reload"), HasSubstr("\"ok\":true"));
  const grpc::Status status = Evaluate(GrpcRequest());
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(Post("/challenge")->status, 200);
  // Who still pins the old one is told apart.
  Write("tls.pem", before);
  EXPECT_EQ(Evaluate(GrpcRequest()).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(Post("/challenge").ok());
}

}  // namespace
}  // namespace nacre::attestation::testing
