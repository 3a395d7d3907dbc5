#include "attestation/broker/config.h"

#include <regex>

#include "base/file.h"
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

TEST(Config, SignersOfReferenceValues) {
  ASSERT_OK_AND_ASSIGN(BrokerConfig config,
                       Parse("[reference]\nrequire_signature = true\n"
                             "[reference.signers.release]\nkeys = \"release.pem\"\n"));
  EXPECT_TRUE(config.reference_signature_required);
  ASSERT_EQ(config.reference_signers.size(), 1u);
  EXPECT_EQ(config.reference_signers[0].name, "release");
  EXPECT_EQ(config.reference_signers[0].keys, "/etc/n/release.pem");
  EXPECT_STATUS(Parse("[reference]\nrequire_signature = true\n"), kInvalidArgument,
                "[reference.signers.NAME]");
  EXPECT_STATUS(Parse("[reference.signers.release]\n"), kInvalidArgument, "want keys");
  EXPECT_STATUS(Parse("[reference.signers.release]\nkey = \"x\"\n"), kInvalidArgument, "keys");
}

TEST(Config, MissingPathsAreNamed) {
  const std::string storage = "[storage]\ndatabase = \"d\"\nmaster_key = \"m\"\n";
  EXPECT_STATUS(ParseBrokerConfig(storage, "/", "kbs.toml"), kInvalidArgument,
                "certificate is missing");
  EXPECT_STATUS(ParseBrokerConfig("", "/", "kbs.toml"), kInvalidArgument, "master_key is missing");
}

TEST(Config, StorageHasTheKeysOfItsKind) {
  auto parse = [](const std::string& keys) {
    return ParseBrokerConfig("[storage]\nmaster_key = \"m\"\n" + keys, "/", "kbs.toml").status();
  };
  EXPECT_STATUS(parse(""), kInvalidArgument, "database is missing");
  EXPECT_STATUS(parse("database = \"d\"\nurl = \"u\"\n"), kInvalidArgument, "url belongs to");
  EXPECT_STATUS(parse("database = \"d\"\npassword_file = \"p\"\n"), kInvalidArgument,
                "password_file belongs to");
  const std::string postgresql = "kind = \"postgresql\"\n";
  EXPECT_STATUS(parse(postgresql), kInvalidArgument, "url is missing");
  EXPECT_STATUS(parse(postgresql + "url = \"u\"\ndatabase = \"d\"\n"), kInvalidArgument,
                "database belongs to");
  EXPECT_STATUS(parse(postgresql + "url = \"u\"\nconnections = 0\n"), kInvalidArgument,
                "connections");
  EXPECT_STATUS(parse("kind = \"mysql\"\n"), kInvalidArgument, "sqlite, postgresql");
  // Now only what is not [storage] is missing.
  EXPECT_STATUS(parse(postgresql + "url = \"u\"\n"), kInvalidArgument, "[tls]");
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

TEST(Config, TdxPolicyAndCollateral) {
  ASSERT_OK_AND_ASSIGN(BrokerConfig config, Parse(""));
  EXPECT_EQ(config.tdx.accepted_statuses.size(), 1u);
  EXPECT_TRUE(config.require_rtmr0);
  EXPECT_EQ(config.tdx_collateral_url, "");
  ASSERT_OK_AND_ASSIGN(
      config, Parse("[policy.tdx]\naccepted_tcb_statuses = [\"UpToDate\", \"OutOfDate\"]\n"
                    "refused_advisories = [\"INTEL-SA-1\"]\nmin_tcb_evaluation_number = 17\n"
                    "require_rtmr0 = false\n[attestation]\nemulated_tdx_root = \"r.pem\"\n"
                    "[attestation.tdx]\ncollateral = \"c\"\ncache = \"/var/c\"\n"));
  EXPECT_TRUE(config.tdx.accepted_statuses.contains(tee::tdx::TcbStatus::kOutOfDate));
  EXPECT_EQ(config.tdx.min_tcb_evaluation_number, 17u);
  EXPECT_FALSE(config.require_rtmr0);
  EXPECT_EQ(config.tdx_collateral, "/etc/n/c");
  EXPECT_EQ(config.tdx_collateral_cache, "/var/c");
  EXPECT_EQ(config.emulated_tdx_root, "/etc/n/r.pem");
  const auto status = [](std::string_view name) {
    return Parse("[policy.tdx]\naccepted_tcb_statuses = [\"" + std::string(name) + "\"]\n")
        .status();
  };
  EXPECT_STATUS(status("Revoked"), kInvalidArgument, "never accepted");
  EXPECT_STATUS(status("uptodate"), kInvalidArgument, "accepted_tcb_statuses");
  EXPECT_STATUS(Parse("[policy.tdx]\nallow_debg = true\n"), kInvalidArgument, "allow_debug");
  EXPECT_STATUS(Parse("[attestation.tdx]\nupdate = \"late\"\n"), kInvalidArgument, "update");
}

TEST(Config, ParavisorsAreMeasurements) {
  const auto paravisor = [](size_t digits) {
    return Parse("[policy.azure]\nparavisors = [\"" + std::string(digits, 'a') + "\"]\n");
  };
  EXPECT_EQ(paravisor(96)->azure_paravisors.size(), 1u);
  for (size_t digits : {0, 94, 95, 98}) {
    EXPECT_STATUS(paravisor(digits), kInvalidArgument, "paravisors");
  }
  EXPECT_EQ(Parse("[policy.tpm]\ntrusted_keys = [\"ak.pem\"]\n")->tpm_keys.at(0), "/etc/n/ak.pem");
}

TEST(ListenAddress, IsAnAddressAndAPort) {
  EXPECT_EQ(ParseListenAddress("127.0.0.1:0")->port, 0);
  EXPECT_EQ(ParseListenAddress("[::1]:65535")->address, "::1");
  for (const char* bad : {"", "127.0.0.1", ":80", "127.0.0.1:", "::1:80", "1.2.3.4:65536",
                          "1.2.3.4:-1", "1.2.3.4:8o"}) {
    EXPECT_STATUS(ParseListenAddress(bad), kInvalidArgument, "address:port");
  }
}

// docs/reference/kbs-toml.md names every key the parser takes: those in the calls of its sources.
TEST(Config, EveryKeyIsInTheReference) {
  const std::string folder = std::string(NACRE_SOURCE_DIR) + "/";
  ASSERT_OK_AND_ASSIGN(const std::string page,
                       ReadTextFile(folder + "docs/reference/kbs-toml.md", 1 << 20));
  const std::regex call(
      R"re((String|Uint|Bool|Choice|Strings|Table|top,)\s*\(?\s*"([a-z0-9_]+)")re");
  size_t keys = 0;
  for (const char* file : {"config.cc", "storage/storage_config.cc"}) {
    ASSERT_OK_AND_ASSIGN(const std::string source,
                         ReadTextFile(folder + "attestation/broker/" + file, 1 << 20));
    for (std::sregex_iterator it(source.begin(), source.end(), call), end; it != end; ++it) {
      const std::string key = (*it)[2];
      const bool named = page.find("`" + key + "`") != std::string::npos ||
                         page.find("[" + key + "]") != std::string::npos ||
                         page.find("." + key + "]") != std::string::npos;
      EXPECT_TRUE(named) << key;
      ++keys;
    }
  }
  EXPECT_GT(keys, 60u);
}

}  // namespace
}  // namespace nacre::attestation
