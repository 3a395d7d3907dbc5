#include "attestation/broker/config.h"

#include "base/status_testing.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kMinimal = R"(
[tls]
certificate = "tls.pem"
key = "/keys/tls.key"
[storage]
database = "kbs.db"
master_key = "master.key"
[session]
key = "cookie.key"
[token]
key = "token.key"
[admin]
public_key = "admin.pem"
)";

absl::StatusOr<BrokerConfig> Parse(std::string_view more, std::string_view before = "") {
  return ParseBrokerConfig(std::string(before) + std::string(kMinimal) + std::string(more),
                           "/etc/n", "kbs.toml");
}

TEST(Config, DefaultsAreStrict) {
  ASSERT_OK_AND_ASSIGN(BrokerConfig config, Parse(""));
  EXPECT_FALSE(config.allow_emulated);
  EXPECT_FALSE(config.snp.allow_debug);
  EXPECT_EQ(config.emulated_root, "");
  EXPECT_EQ(config.listen, "127.0.0.1:8080");
  EXPECT_EQ(config.session_lifetime_s, 300);
}

TEST(Config, PathsAreTakenFromTheFilesFolder) {
  ASSERT_OK_AND_ASSIGN(BrokerConfig config, Parse(""));
  EXPECT_EQ(config.tls_certificate, "/etc/n/tls.pem");
  EXPECT_EQ(config.tls_key, "/keys/tls.key");
}

TEST(Config, UnknownKeysAreNamedWithTheNearest) {
  EXPECT_STATUS(Parse("[policy]\nallow_emulatd = true\n"), kInvalidArgument, "allow_emulated");
  EXPECT_STATUS(Parse("[polcy]\nallow_emulated = true\n"), kInvalidArgument, "policy");
  EXPECT_STATUS(Parse("", "lisen = \"127.0.0.1:1\"\n"), kInvalidArgument, "listen");
}

TEST(Config, MissingPathsAreNamed) {
  EXPECT_STATUS(ParseBrokerConfig("", "/", "kbs.toml"), kInvalidArgument, "certificate is missing");
}

TEST(Config, ValuesAreBounded) {
  EXPECT_OK(Parse("[limits]\nlog_rows = 1\n"));
  EXPECT_STATUS(Parse("[limits]\nlog_rows = 0\n"), kInvalidArgument, "log_rows");
  EXPECT_STATUS(Parse("[limits]\nhandler_threads = 65\n"), kInvalidArgument, "handler_threads");
  EXPECT_STATUS(Parse("[log]\nlevel = \"loud\"\n"), kInvalidArgument, "level");
  EXPECT_STATUS(Parse("", "listen = \"localhost\"\n"), kInvalidArgument, "listen");
}

TEST(Config, MinimumTcbWantsEveryComponent) {
  ASSERT_OK_AND_ASSIGN(
      BrokerConfig config,
      Parse("[policy.min_tcb]\nbootloader = 4\ntee = 0\nsnp = 24\nmicrocode = 219\n"));
  EXPECT_EQ(config.snp.min_tcb->microcode, 219);
  EXPECT_STATUS(Parse("[policy.min_tcb]\nbootloader = 4\n"), kInvalidArgument, "min_tcb");
  EXPECT_STATUS(Parse("[policy.min_tcb]\nbootloader = 256\ntee = 0\nsnp = 24\nmicrocode = 219\n"),
                kInvalidArgument, "bootloader");
}

TEST(ListenAddress, IsAnAddressAndAPort) {
  EXPECT_EQ(ParseListenAddress("127.0.0.1:0")->port, 0);
  EXPECT_EQ(ParseListenAddress("[::1]:65535")->address, "::1");
  for (const char* bad : {"", "127.0.0.1", ":80", "127.0.0.1:", "::1:80", "1.2.3.4:65536",
                          "1.2.3.4:-1", "1.2.3.4:8o"}) {
    EXPECT_STATUS(ParseListenAddress(bad), kInvalidArgument, "address:port");
  }
}

}  // namespace
}  // namespace nacre::attestation
