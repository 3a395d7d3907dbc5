#include "guest-agent/service/agent_config.h"

#include <gtest/gtest.h>

namespace nacre::guest_agent {
namespace {

TEST(AgentConfig, EverythingIsOptional) {
  const auto none = ReadAgentConfig({});
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->broker_url, "");
  EXPECT_TRUE(ReadAgentConfig({{"nacre.toml", ""}}).ok());
  EXPECT_TRUE(ReadAgentConfig({{"nacre.toml", "[registry]\n"}, {"policy.rego", "?"}}).ok());
}

TEST(AgentConfig, ReadsEveryKey) {
  const auto config = ReadAgentConfig(
      {{"nacre.toml",
        "[broker]\nurl = \"https://10.0.2.2:8443\"\nserver_certificate = '''PEM'''\n"
        "[registry]\ninsecure_registries = [\"10.0.2.2:5000\"]\n"
        "[image]\nimage_security_policy_uri = \"kbs:///default/security-policy/test\"\n"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->broker_url, "https://10.0.2.2:8443");
  EXPECT_EQ(config->broker_certificate_pem, "PEM");
  EXPECT_EQ(config->image.insecure_registries, std::vector<std::string>{"10.0.2.2:5000"});
  EXPECT_EQ(config->image.image_security_policy_uri, "kbs:///default/security-policy/test");
}

TEST(AgentConfig, TheNodesCacheIsUsedUnlessTheOwnerMinds) {
  EXPECT_TRUE(ReadAgentConfig({})->node_cache);
  EXPECT_TRUE(ReadAgentConfig({{"nacre.toml", "[node_cache]\n"}})->node_cache);
  EXPECT_FALSE(ReadAgentConfig({{"nacre.toml", "[node_cache]\nenabled = false\n"}})->node_cache);
  EXPECT_FALSE(ReadAgentConfig({{"nacre.toml", "[node_cache]\nenabled = \"no\"\n"}}).ok());
}

TEST(AgentConfig, ImagesAreInMemoryUnlessTheOwnerWantsADisk) {
  EXPECT_EQ(ReadAgentConfig({})->storage.images, ImageStorage::kMemory);
  const auto disk = ReadAgentConfig({{"nacre.toml", "[storage]\nimages = \"encrypted-disk\"\n"}});
  ASSERT_TRUE(disk.ok()) << disk.status();
  EXPECT_EQ(disk->storage.images, ImageStorage::kEncryptedDisk);
  EXPECT_FALSE(ReadAgentConfig({{"nacre.toml", "[storage]\nimages = \"disk\"\n"}}).ok());
  EXPECT_FALSE(ReadAgentConfig({{"nacre.toml", "storage = \"encrypted-disk\"\n"}}).ok());
}

TEST(AgentConfig, ABrokerMayBeKnownByItsKeyAndHaveSeveralAddresses) {
  const auto config = ReadAgentConfig(
      {{"nacre.toml",
        "[broker]\nurl = \"https://a\"\nserver_public_key = \"KEY\"\n"
        "fallback_urls = [\"https://b\", \"https://c\"]\nproxy = \"http://p:3128\"\n"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->broker_public_key_pem, "KEY");
  EXPECT_EQ(config->broker_fallback_urls, (std::vector<std::string>{"https://b", "https://c"}));
  EXPECT_EQ(config->broker_proxy, "http://p:3128");
}

TEST(AgentConfig, RefusesUnknownKeysAndUnsafeBrokers) {
  for (const char* bad : {"[brokr]\n", "x = 1\n", "[broker]\nurll = \"https://a\"\n", "[broker]\n",
                          "[broker]\nurl = \"http://a\"\nserver_certificate = \"PEM\"\n",
                          "[broker]\nurl = \"https://a\"\n", "broker = 1\n",
                          "[broker]\nurl = \"https://a\"\nserver_certificate = \"PEM\"\n"
                          "server_public_key = \"KEY\"\n",
                          "[broker]\nurl = \"https://a\"\nserver_public_key = \"KEY\"\n"
                          "fallback_urls = [\"http://b\"]\n",
                          "[registry]\ninsecure_registries = \"a\"\n", "not toml",
                          "[image]\npolicy = \"{}\"\n", "image = 1\n",
                          "[image]\nimage_security_policy = \"{}\"\n"
                          "image_security_policy_uri = \"kbs:///a/b/c\"\n"})
    EXPECT_FALSE(ReadAgentConfig({{"nacre.toml", bad}}).ok()) << bad;
}

}  // namespace
}  // namespace nacre::guest_agent
