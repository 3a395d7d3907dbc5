// The whole way: the guest's client over TLS to a broker, and the program nacre-kbs as a process.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include "attestation/broker/setup.h"
#include "attestation/broker/testing.h"
#include "attestation/client/kbs_client.h"
#include "attestation/protocol/limits.h"
#include "base/status_testing.h"
#include "base/subprocess.h"
#include "net/http_client.h"

namespace nacre::attestation::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A broker in this process behind its HTTPS server.
class HttpsTest : public ::testing::Test {
 protected:
  HttpsTest() {
    broker.Provision();
    net::HttpServerOptions options;
    options.tls_certificate_chain_pem = Certificate();
    options.tls_private_key_pem =
        SecretBytes::TakeFrom(*ReadFile(broker.folder() + "/kbs/tls.key", 1 << 16));
    options.max_body = kMaxMessageSize;
    options.max_head = 128 << 10;
    server = *net::HttpServer::Start(std::move(options), [this](const auto& request) {
      return broker.broker().Handle(request).response;
    });
  }
  ~HttpsTest() override { server->Stop(); }

  std::string Certificate() { return *ReadTextFile(broker.folder() + "/kbs/tls.pem", 1 << 16); }
  std::unique_ptr<KbsClient> Client(tee::EvidenceSource& source, std::string command_line) {
    KbsClientOptions options;
    options.url = server->url();
    options.pinned_server_cert_pem = Certificate();
    options.evidence_source = &source;
    options.launch_hint = LaunchHint{std::move(command_line), 1};
    return *KbsClient::Create(std::move(options));
  }

  TestBroker broker;
  std::unique_ptr<net::HttpServer> server;
};

TEST_F(HttpsTest, AGuestGetsItsSecret) {
  ChipEvidenceSource source(Chip::Get().Launch());
  auto client = Client(source, Chip::Get().Launch().command_line);
  ASSERT_OK_AND_ASSIGN(SecretBytes contents, client->GetResource("kbs:///default/key/1"));
  EXPECT_EQ(AsText(contents.view()), "secret");
  EXPECT_STATUS(client->GetResource("kbs:///default/key/2"), kNotFound, "not-found");
  EXPECT_EQ(client->timings().handshakes, 1u);
}

TEST_F(HttpsTest, AChangedGuestIsRefusedAndTheOwnerReadsWhy) {
  const std::string changed = "console=ttyS0 quiet nacre.demo=changed";
  ChipEvidenceSource source(Chip::Get().Launch(changed));
  auto refusal = Client(source, changed)->GetResource("kbs:///default/key/1").status();
  EXPECT_STATUS(refusal, kUnauthenticated, "launch-measurement (id ");
  EXPECT_THAT(std::string(refusal.message()), Not(HasSubstr("nacre.demo")));
  Json explanation = broker.LastExplanation();
  EXPECT_THAT(std::string(refusal.message()), HasSubstr(explanation["id"].get<std::string>()));
  EXPECT_THAT(explanation["summary"].get<std::string>(),
              HasSubstr("expected nothing, got 'nacre.demo=changed'"));
}

TEST_F(HttpsTest, BodiesAreBounded) {
  ASSERT_OK_AND_ASSIGN(
      auto http,
      net::HttpClient::Create({.trusted_ca_pem = {}, .pinned_server_cert_pem = Certificate()}));
  net::HttpRequest request;
  request.method = "POST";
  request.url = server->url() + "/kbs/v0/attest";
  request.body.assign(kMaxMessageSize, ' ');
  ASSERT_OK_AND_ASSIGN(net::HttpResponse at_limit, http->Send(request));
  EXPECT_EQ(at_limit.status, 401);  // read, and refused for having no session
  request.body.push_back(' ');
  ASSERT_OK_AND_ASSIGN(net::HttpResponse above, http->Send(request));
  EXPECT_EQ(above.status, 413);
}

// nacre-kbs as a process; `extra` arguments after --config.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments) {
    int fds[2];
    EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
    reader_.Reset(fds[0]);
    UniqueFd writer(fds[1]);
    SubprocessOptions options;
    options.argv = {std::string(NACRE_BIN_DIR) + "/nacre-kbs"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.stdout_fd = writer.get();
    options.stderr_fd = writer.get();
    auto started = Subprocess::Start(options);
    EXPECT_OK(started);
    process_.emplace(*std::move(started));
  }
  ~Program() {
    if (process_ && !ended_) Stop(SIGKILL);
  }

  // Reads on until a line holds `text`; "" at the end of the output.
  std::string WaitForLine(std::string_view text) {
    std::string line;
    char c;
    while (read(reader_.get(), &c, 1) == 1) {
      output += c;
      if (c != '\n') {
        line += c;
        continue;
      }
      if (line.find(text) != std::string::npos) return line;
      line.clear();
    }
    return "";
  }
  int Wait() {
    ended_ = true;
    WaitForLine("\n");  // never found: all of the output
    auto exit = process_->WaitFor(10'000);
    return exit.ok() ? exit->code : -1;
  }
  int Stop(int signal) {
    EXPECT_OK(process_->Kill(signal));
    return Wait();
  }
  std::string output;

 private:
  UniqueFd reader_;
  std::optional<Subprocess> process_;
  bool ended_ = false;
};

class ProgramTest : public ::testing::Test {
 protected:
  std::string Config() { return folder + "/kbs.toml"; }
  void Init() {
    Program init({"init", "--dir", folder});
    ASSERT_EQ(init.Wait(), 0) << init.output;
  }
  // One line on the output, exit code 1, with `why` in it.
  void ExpectFails(std::vector<std::string> arguments, const std::string& why) {
    Program program(std::move(arguments));
    EXPECT_EQ(program.Wait(), 1);
    EXPECT_THAT(program.output, HasSubstr(why));
    EXPECT_THAT(program.output, ::testing::StartsWith("nacre-kbs: "));
    EXPECT_EQ(std::count(program.output.begin(), program.output.end(), '\n'), 1) << program.output;
  }
  TemporaryDirectory temporary = *TemporaryDirectory::Create("program");
  std::string folder = temporary.path() + "/kbs";
};

TEST_F(ProgramTest, ServesUntilSigterm) {
  Init();
  std::string port_file = folder + "/port";
  Program kbs({"--config", Config(), "--listen", "127.0.0.1:0", "--port-file", port_file});
  ASSERT_NE(kbs.WaitForLine("\"ready\""), "") << kbs.output;
  ASSERT_OK_AND_ASSIGN(std::string port, ReadTextFile(port_file, 16));
  port.pop_back();
  ASSERT_OK_AND_ASSIGN(auto http, net::HttpClient::Create(
                                      {.trusted_ca_pem = *ReadTextFile(folder + "/tls.pem", 65536),
                                       .pinned_server_cert_pem = {}}));
  net::HttpRequest request;
  request.url = "https://localhost:" + port + "/healthz";
  ASSERT_OK_AND_ASSIGN(net::HttpResponse response, http->Send(request));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(kbs.Stop(SIGTERM), 0);
  EXPECT_THAT(kbs.output, HasSubstr("\"stopping\""));
}

TEST_F(ProgramTest, FailuresAreOneLineAndNameTheThing) {
  ExpectFails({"--config", Config()}, "kbs.toml");
  Init();
  ExpectFails({"init", "--dir", folder}, "nothing was written");
  ExpectFails({"--config", Config(), "--listen", "nowhere"}, "nowhere");
  ASSERT_OK_AND_ASSIGN(std::string config, ReadTextFile(Config(), 65536));
  ASSERT_OK(WriteFile(Config(), AsBytes("lisen = \"127.0.0.1:1\"\n" + config)));
  ExpectFails({"--config", Config()}, "listen");
  ASSERT_OK(WriteFile(Config(), AsBytes(config)));
  ASSERT_OK(WriteFile(folder + "/kbs.db", AsBytes("not a database, though it has many bytes")));
  ExpectFails({"--config", Config()}, "kbs.db");
  ASSERT_OK(RemoveTree(folder + "/kbs.db"));
  ASSERT_OK(RemoveTree(folder + "/token.key"));
  ExpectFails({"--config", Config()}, "token.key");
}

TEST_F(ProgramTest, ABusyPortIsNamed) {
  Init();
  Program first({"--config", Config(), "--listen", "127.0.0.1:0", "--port-file", folder + "/port"});
  ASSERT_NE(first.WaitForLine("\"ready\""), "") << first.output;
  std::string port = *ReadTextFile(folder + "/port", 16);
  port.pop_back();
  TemporaryDirectory other = *TemporaryDirectory::Create("other");
  ASSERT_OK(SetUpBroker({.folder = other.path() + "/kbs",
                         .extra_names = {},
                         .emulated_root = {},
                         .allow_emulated = false},
                        1'800'000'000));
  ExpectFails({"--config", other.path() + "/kbs/kbs.toml", "--listen", "127.0.0.1:" + port},
              "Address already in use");
}

TEST_F(ProgramTest, AWrongCommandLineIsExitCode2) {
  for (std::vector<std::string> arguments :
       {std::vector<std::string>{}, {"--confg", "x"}, {"init"}, {"start"}}) {
    Program program(arguments);
    EXPECT_EQ(program.Wait(), 2) << program.output;
    EXPECT_EQ(std::count(program.output.begin(), program.output.end(), '\n'), 1) << program.output;
  }
}

}  // namespace
}  // namespace nacre::attestation::testing
