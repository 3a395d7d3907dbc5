// nacre image sign, verify and inspect, as a program, against Debian's docker-registry.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "image-rs-cpp/registry/registry_client.h"
#include "image-rs-cpp/testing/real_registry.h"
#include "image-rs-cpp/testing/test_image.h"
#include "image-rs-cpp/testing/test_sigstore.h"

namespace nacre::cli {
namespace {

using image::testing::NewKey;
using image::testing::PemOf;
using image::testing::RealRegistry;
using ::testing::HasSubstr;

class ImageTrustVerbs : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PathExists("/usr/bin/docker-registry")) GTEST_SKIP() << "needs docker-registry";
    auto folder = TemporaryDirectory::Create("verbs");
    ASSERT_TRUE(folder.ok());
    folder_.emplace(*std::move(folder));
    auto registry = RealRegistry::Start();
    ASSERT_TRUE(registry.ok()) << registry.status();
    registry_ = *std::move(registry);
    const auto key = NewKey();
    Write("key", ToString(key.ToPem()->view()));
    Write("key.pub", PemOf(key));
    Write("policy.json", StrCat(R"({"default": [{"type": "sigstoreSigned", "keyPath": ")",
                                folder_->path(), R"(/key.pub"}]})"));
    PushImage();
  }
  void Write(const std::string& name, const std::string& text) {
    ASSERT_OK(WriteFile(folder_->path() + "/" + name, AsBytes(text)));
  }
  std::string Name() const { return registry_->host() + "/team/app:1"; }

  void PushImage() {
    image::testing::TestImage image;
    image.AddLayer(AsBytes("x"), image::Compression::kNone).Seal();
    digest_ = image.manifest_digest;
    image::RegistryOptions options;
    options.insecure_registries = {registry_->host()};
    auto client = image::RegistryClient::Create(options, {});
    ASSERT_TRUE(client.ok()) << client.status();
    std::vector<std::string> blobs;
    for (const auto& [digest, blob] : image.blobs) {
      if (digest != digest_) blobs.push_back(blob);
    }
    ASSERT_OK(
        (*client)->Push(*image::ParseImageReference(Name()), blobs, image.blobs.at(digest_), "1"));
  }

  CommandResult Nacre(std::vector<std::string> arguments) {
    SubprocessOptions options;
    options.argv = {std::string(NACRE_BIN_DIR) + "/nacre", "image"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.argv.insert(options.argv.end(), {"--insecure", registry_->host()});
    options.working_directory = folder_->path();
    auto result = RunCommand(std::move(options));
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : CommandResult();
  }

  std::optional<TemporaryDirectory> folder_;
  std::unique_ptr<RealRegistry> registry_;
  std::string digest_;
};

TEST_F(ImageTrustVerbs, SignThenVerify) {
  CommandResult result = Nacre({"verify", "--policy", "policy.json", Name()});
  EXPECT_EQ(result.exit.code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("nacre image verify: image policy, scope 'default'"));
  EXPECT_THAT(result.err, HasSubstr("it has no Sigstore signature"));
  result = Nacre({"sign", "--key", "key", Name()});
  EXPECT_EQ(result.exit.code, 0) << result.err;
  EXPECT_EQ(result.out, digest_ + "\n");
  result = Nacre({"verify", "--policy", "policy.json", Name()});
  EXPECT_EQ(result.out, StrCat("accepted: ", Name(), " ", digest_, "\n")) << result.err;
}

TEST_F(ImageTrustVerbs, AnotherNameIsAnotherImage) {
  EXPECT_EQ(Nacre({"sign", "--key", "key", "--identity", "q.io/other", Name()}).exit.code, 0);
  EXPECT_THAT(Nacre({"verify", "--policy", "policy.json", Name()}).err,
              HasSubstr("it is a signature for 'q.io/other'"));
  // The second signature is added to the first.
  EXPECT_EQ(Nacre({"sign", "--key", "key", Name()}).exit.code, 0);
  EXPECT_EQ(Nacre({"verify", "--policy", "policy.json", Name()}).exit.code, 0);
  const auto seen = ParseJson(Nacre({"inspect", Name()}).out);
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_EQ((*seen)["digest"], digest_);
  EXPECT_EQ((*seen)["signatures"]["found"].size(), 2u);
  EXPECT_EQ((*seen)["layers"].size(), 1u);
}

TEST_F(ImageTrustVerbs, MistakesAreOneLine) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"sign", "--key", "nokey", Name()},
           {"sign", "--key", "key.pub", Name()},
           {"sign", "--key", "key", "--identity", "Not A Name", Name()},
           {"sign", "--key", "key", Name() + "0"},
           {"verify", "--policy", "key", Name()},
           {"verify", "--policy", "policy.json", "--authfile", "key", Name()},
           {"verify", "--policy", "policy.json", "--registries-conf", "policy.json", Name()},
           {"verify", "--policy", "policy.json", "--ca-file", "policy.json", Name()},
           {"verify", "--policy", "policy.json", "--architecture", "arm64", Name() + "0"},
           {"inspect", "Not A Name"}}) {
    const CommandResult result = Nacre(arguments);
    EXPECT_EQ(result.exit.code, 1) << arguments[0];
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err.find('\n'), result.err.size() - 1) << result.err;
  }
}

}  // namespace
}  // namespace nacre::cli
