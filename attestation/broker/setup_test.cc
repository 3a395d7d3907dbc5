#include "attestation/broker/setup.h"

#include <sys/stat.h>

#include "attestation/broker/context.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "crypto/x509.h"

namespace nacre::attestation {
namespace {

constexpr int64_t kNow = 1'800'000'000;

class SetupTest : public ::testing::Test {
 protected:
  TemporaryDirectory temporary = *TemporaryDirectory::Create("setup");
  SetupOptions options{.folder = temporary.path() + "/kbs",
                       .extra_names = {"kbs.example.org", "192.0.2.1"},
                       .emulated_root = {},
                       .allow_emulated = false};
  mode_t Mode(const std::string& name) {
    struct stat info {};
    EXPECT_EQ(stat((options.folder + "/" + name).c_str(), &info), 0) << name;
    return info.st_mode & 0777;
  }
};

TEST_F(SetupTest, ABrokerStartsFromIt) {
  ASSERT_OK(SetUpBroker(options, kNow));
  ASSERT_OK_AND_ASSIGN(BrokerConfig config, ReadBrokerConfig(options.folder + "/kbs.toml"));
  EXPECT_FALSE(config.allow_emulated);
  EXPECT_EQ(config.emulated_root, "");
  EXPECT_OK(OpenBrokerContext(config));
}

TEST_F(SetupTest, KeysAreTheOwnersAlone) {
  ASSERT_OK(SetUpBroker(options, kNow));
  EXPECT_EQ(Mode(""), 0700u);
  for (const char* name : {"tls.key", "master.key", "admin.key"}) {
    EXPECT_EQ(Mode(name), 0600u) << name;
  }
}

TEST_F(SetupTest, KeysOthersCanReadAreRefused) {
  ASSERT_OK(SetUpBroker(options, kNow));
  ASSERT_OK_AND_ASSIGN(BrokerConfig config, ReadBrokerConfig(options.folder + "/kbs.toml"));
  config.cookie_key = options.folder + "/cookie.key";
  config.token_key = options.folder + "/token.key";
  ASSERT_OK(WriteFile(config.cookie_key, Bytes(32), 0600));
  ASSERT_OK_AND_ASSIGN(ServiceKey token, MakeTokenKey());
  ASSERT_OK(WriteFile(config.token_key, token.material.view(), 0600));
  EXPECT_OK(OpenBrokerContext(config));
  for (const std::string& path :
       {options.folder + "/master.key", config.cookie_key, config.token_key}) {
    ASSERT_EQ(chmod(path.c_str(), 0640), 0);
    EXPECT_STATUS(OpenBrokerContext(config), kFailedPrecondition, path);
    ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  }
}

TEST_F(SetupTest, MissingAndWrongKeysAreNamed) {
  ASSERT_OK(SetUpBroker(options, kNow));
  ASSERT_OK_AND_ASSIGN(BrokerConfig config, ReadBrokerConfig(options.folder + "/kbs.toml"));
  config.cookie_key = options.folder + "/cookie.key";
  ASSERT_OK(WriteFile(config.cookie_key, AsBytes("short"), 0600));
  EXPECT_STATUS(OpenBrokerContext(config), kInvalidArgument, "5 bytes, expected 32");
  ASSERT_OK(RemoveTree(options.folder + "/master.key"));
  EXPECT_STATUS(OpenBrokerContext(config), kNotFound, "master.key");
}

TEST_F(SetupTest, NothingIsOverwritten) {
  ASSERT_OK(MakeDirectories(options.folder));
  ASSERT_OK(WriteFile(options.folder + "/admin.key", AsBytes("mine")));
  EXPECT_STATUS(SetUpBroker(options, kNow), kAlreadyExists, "admin.key");
  EXPECT_FALSE(PathExists(options.folder + "/kbs.toml"));
  EXPECT_EQ(*ReadTextFile(options.folder + "/admin.key", 100), "mine");
}

TEST_F(SetupTest, CertificateIsOfTheKeyAndForNow) {
  ASSERT_OK(SetUpBroker(options, kNow));
  ASSERT_OK_AND_ASSIGN(std::string pem, ReadTextFile(options.folder + "/tls.pem", 1 << 16));
  ASSERT_OK_AND_ASSIGN(crypto::Certificate certificate, crypto::Certificate::FromPem(pem));
  EXPECT_LT(certificate.not_before(), kNow);
  EXPECT_GT(certificate.not_after(), kNow);
  ASSERT_OK_AND_ASSIGN(Bytes key_pem, ReadFile(options.folder + "/tls.key", 1 << 16));
  ASSERT_OK_AND_ASSIGN(crypto::PrivateKey key, crypto::PrivateKey::FromPem(key_pem));
  EXPECT_TRUE(*certificate.public_key() == key.public_key());
}

TEST_F(SetupTest, AMissingEmulatedRootWritesNothing) {
  options.emulated_root = temporary.path() + "/none.pem";
  EXPECT_STATUS(SetUpBroker(options, kNow), kNotFound, "none.pem");
  EXPECT_FALSE(PathExists(options.folder));
}

}  // namespace
}  // namespace nacre::attestation
