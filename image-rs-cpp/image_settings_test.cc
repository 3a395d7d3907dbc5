#include "image-rs-cpp/image_settings.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "base/toml.h"
#include "image-rs-cpp/testing/key_table.h"

namespace nacre::image {
namespace {

constexpr const char* kAll = R"(
image_security_policy_uri = "kbs:///default/security-policy/test"
sigstore_config = "[default-docker]"
registry_configuration_uri = "kbs:///default/registry-configuration/test"
authenticated_registry_credentials_uri = "kbs:///default/credential/test"
extra_root_certificates = ["A", "B"]
extra_root_certificates_uri = "kbs:///default/roots/test"
[image_pull_proxy]
https_proxy = "http://proxy:3128"
no_proxy = "10.0.0.0/8"
)";

absl::StatusOr<ImageSettings> Parse(const std::string& toml) {
  ASSIGN_OR_RETURN(const Json table, ParseToml(toml));
  return ParseImageSettings(table, "[image]");
}

TEST(ImageSettings, DocumentsComeFromTheBroker) {
  testing::KeyTable broker(
      {{"kbs:///default/security-policy/test", ToBytes(R"({"default": [{"type": "reject"}]})")},
       {"kbs:///default/registry-configuration/test", ToBytes("[[registry]]\nlocation = \"q.io\"")},
       {"kbs:///default/credential/test", ToBytes(R"({"auths": {"q.io": {"auth": "YTpi"}}})")},
       {"kbs:///default/roots/test", ToBytes("C")}});
  ASSERT_OK_AND_ASSIGN(const ImageSettings settings, Parse(kAll));
  ImagePullerOptions options;
  ASSERT_OK(LoadImageSettings(settings, Documents(&broker), &options));
  EXPECT_EQ(broker.calls, 4);
  EXPECT_NE(options.trust, nullptr);
  EXPECT_EQ(options.registry.extra_ca_pem, "A\nB\nC");
  EXPECT_EQ(options.registry.proxy.https_proxy, "http://proxy:3128");
  EXPECT_EQ(options.registry.credentials.Find("q.io", "x"), "YTpi");
}

TEST(ImageSettings, AMissingDocumentFailsTheWhole) {
  testing::KeyTable broker({});
  ASSERT_OK_AND_ASSIGN(const ImageSettings settings, Parse(kAll));
  ImagePullerOptions options;
  EXPECT_STATUS(LoadImageSettings(settings, Documents(&broker), &options), kPermissionDenied,
                "image policy: 'kbs:///default/security-policy/test'");
  EXPECT_EQ(options.trust, nullptr);
  EXPECT_EQ(options.registry.proxy.https_proxy, "");
}

TEST(ImageSettings, NothingSaidIsNoPolicy) {
  ASSERT_OK_AND_ASSIGN(const ImageSettings settings, Parse(""));
  ImagePullerOptions options;
  ASSERT_OK(LoadImageSettings(settings, Documents(nullptr), &options));
  EXPECT_EQ(options.trust, nullptr);
}

TEST(ImageSettings, TheStoreMayHaveASize) {
  ASSERT_OK_AND_ASSIGN(const ImageSettings settings, Parse("store_size_mib = 1500"));
  ImagePullerOptions options;
  ASSERT_OK(LoadImageSettings(settings, Documents(nullptr), &options));
  EXPECT_EQ(options.store.max_size, uint64_t{1500} << 20);
  EXPECT_FALSE(Parse("store_size_mib = -1").ok());
  EXPECT_FALSE(Parse("store_size_mib = \"1\"").ok());
  EXPECT_FALSE(Parse("store_size_mib = 1073741825").ok());
}

TEST(ImageSettings, RefusesUnknownKeysAndContradictions) {
  for (const char* bad :
       {"policy = \"{}\"", "image_security_policy = 1",
        "image_security_policy = \"{}\"\nimage_security_policy_uri = \"kbs:///a/b/c\"",
        "sigstore_config = \"{}\"\nsigstore_config_uri = \"kbs:///a/b/c\"",
        "registry_config = \"x\"\nregistry_configuration_uri = \"kbs:///a/b/c\"",
        "extra_root_certificates = \"A\"", "image_pull_proxy = \"http://p\"",
        "image_pull_proxy = {ftp_proxy = \"x\"}", "image_pull_proxy = {http_proxy = \"x\"}",
        "image_pull_proxy = {no_proxy = \"a b\"}"}) {
    EXPECT_FALSE(Parse(bad).ok()) << bad;
  }
}

TEST(Documents, FilesAndTheirLimits) {
  ASSERT_OK_AND_ASSIGN(const auto folder, TemporaryDirectory::Create("documents"));
  const std::string path = folder.path() + "/d";
  ASSERT_OK(WriteFile(path, AsBytes("text")));
  const Documents documents(nullptr);
  EXPECT_EQ(*documents.LoadText(path), "text");
  EXPECT_EQ(*documents.LoadText("file://" + path), "text");
  EXPECT_STATUS(documents.LoadText(path + "x"), kNotFound, "x'");
  for (const char* bad : {"", "d", "file://d", "https://x/y", "kbs:/a/b/c"}) {
    EXPECT_STATUS(documents.LoadText(bad), kInvalidArgument, "neither a broker's") << bad;
  }
  ASSERT_OK(WriteFile(path, Bytes(kMaxDocumentSize)));
  EXPECT_OK(documents.Load(path).status());
  ASSERT_OK(WriteFile(path, Bytes(kMaxDocumentSize + 1)));
  EXPECT_STATUS(documents.Load(path), kResourceExhausted, "");
}

}  // namespace
}  // namespace nacre::image
