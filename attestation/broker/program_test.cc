// nacre-kbs as a process: starting, answering, stopping, and failing in one line.
#include <gmock/gmock.h>
#include <signal.h>

#include "attestation/broker/logged_program.h"
#include "attestation/broker/setup.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "net/http_client.h"

namespace nacre::attestation {
namespace {

using ::testing::HasSubstr;

// nacre-kbs as a process.
class Program : public testing::LoggedProgram {
 public:
  explicit Program(std::vector<std::string> arguments)
      : LoggedProgram("nacre-kbs", std::move(arguments)) {}
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
  ASSERT_OK(RemoveTree(folder + "/admin.pem"));
  ExpectFails({"--config", Config()}, "admin.pem");
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
}  // namespace nacre::attestation
