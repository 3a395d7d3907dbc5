// Debian's docker-registry with https, passwords and tokens: images put there and read back, signed
// and checked. The signature is checked once more by the openssl program.
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "image-rs-cpp/registry/resolve.h"
#include "image-rs-cpp/signature/cosign.h"
#include "image-rs-cpp/signature/sign.h"
#include "image-rs-cpp/signature/trust.h"
#include "image-rs-cpp/testing/real_registry.h"
#include "image-rs-cpp/testing/test_image.h"
#include "image-rs-cpp/testing/test_sigstore.h"
#include "image-rs-cpp/testing/token_server.h"

namespace nacre::image {
namespace {

using testing::NewKey;
using testing::PemOf;
using testing::RealRegistry;
using testing::RealRegistryOptions;
using testing::TestImage;

class RealFlowsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PathExists("/usr/bin/docker-registry")) GTEST_SKIP() << "needs docker-registry";
  }
  void Start(const RealRegistryOptions& options) {
    auto registry = RealRegistry::Start(options);
    ASSERT_TRUE(registry.ok()) << registry.status();
    registry_ = *std::move(registry);
    reference_ = *ParseImageReference(registry_->host() + "/team/app:1");
    image_.AddLayer(AsBytes("0123456789"), Compression::kNone).Seal();
  }
  std::unique_ptr<RegistryClient> Client() {
    auto client = RegistryClient::Create(options_, limits_);
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }
  absl::Status Push() {
    std::vector<std::string> blobs;
    for (const auto& [digest, blob] : image_.blobs) {
      if (digest != image_.manifest_digest) blobs.push_back(blob);
    }
    return Client()->Push(reference_, blobs, image_.blobs.at(image_.manifest_digest), "1");
  }
  absl::StatusOr<std::string> PullLayer(uint64_t offset = 0) {
    auto client = Client();
    ASSIGN_OR_RETURN(const ResolvedImage found,
                     ResolveImage(reference_, {}, limits_, client.get()));
    std::string text;
    RETURN_IF_ERROR(client->Read(reference_, found.manifest.layers[0], offset, [&](ByteView data) {
      text += AsText(data);
      return absl::OkStatus();
    }));
    return text;
  }
  void ExpectBothWays() {
    ASSERT_OK(Push());
    EXPECT_EQ(*PullLayer(), "0123456789");
    EXPECT_EQ(*PullLayer(4), "456789");
  }
  void SetLogin(const std::string& login) {
    const std::string json = StrCat("{\"auths\": {\"", registry_->host(), "\": {\"auth\": \"",
                                    Base64Encode(AsBytes(login)), "\"}}}");
    options_.credentials = *Credentials::Parse(SecretBytes::CopyOf(AsBytes(json)));
  }

  std::unique_ptr<RealRegistry> registry_;
  RegistryOptions options_;
  Limits limits_;
  ImageReference reference_;
  TestImage image_;
};

TEST_F(RealFlowsTest, PlainHttp) {
  Start({});
  options_.insecure_registries = {registry_->host()};
  ExpectBothWays();
}

TEST_F(RealFlowsTest, HttpsUnderARootOfOurOwnWithAPassword) {
  const testing::TlsIdentity tls;
  Start({.tls_certificate_pem = tls.certificate_pem(),
         .tls_private_key_pem = tls.key_pem(),
         .htpasswd = testing::kHtpasswd});
  EXPECT_STATUS(Push(), kUnauthenticated, "") << "an unknown root";
  options_.extra_ca_pem = tls.root_pem();
  EXPECT_STATUS(Push(), kUnauthenticated, "'Basic' credentials");
  SetLogin("user:wrong");
  EXPECT_STATUS(Push(), kUnauthenticated, "answers 401");
  SetLogin("user:pass");
  ExpectBothWays();
}

TEST_F(RealFlowsTest, TokensFromAServerOfItsOwn) {
  testing::TokenServer tokens;
  Start({.token_realm = tokens.url(), .token_root_pem = tokens.root()});
  options_.insecure_registries = {registry_->host()};
  EXPECT_STATUS(Push(), kPermissionDenied, "plain http") << "the token server is not listed";
  options_.insecure_registries.push_back(tokens.host());
  EXPECT_STATUS(Push(), kUnauthenticated, "answers 401");
  SetLogin("user:pass");
  ExpectBothWays();
}

TEST_F(RealFlowsTest, SignedAndChecked) {
  Start({});
  options_.insecure_registries = {registry_->host()};
  ASSERT_OK(Push());
  const auto key = NewKey();
  const std::string policy =
      Json{{"default", Json::array({{{"type", "sigstoreSigned"}, {"keyData", PemOf(key)}}})}}
          .dump();
  ASSERT_OK_AND_ASSIGN(auto trust, TrustPolicy::Create(policy, Documents(nullptr)));
  const ImageInQuestion image{reference_, {image_.manifest_digest}};
  auto client = Client();
  EXPECT_STATUS(trust->Check(image, limits_, client.get()), kPermissionDenied,
                "it has no Sigstore signature");
  // A stranger's signature first; ours is added to it.
  std::string present;
  const auto sign = [&](const crypto::PrivateKey& signer) {
    const std::string name = registry_->host() + "/team/app";
    auto made = SignImage(image_.manifest_digest, name, signer, present);
    ASSERT_TRUE(made.ok()) << made.status();
    ASSERT_OK(client->Push(reference_, made->blobs, made->manifest, made->tag));
    present = client->GetManifest(reference_, made->tag)->text;
  };
  sign(NewKey());
  EXPECT_STATUS(trust->Check(image, limits_, client.get()), kPermissionDenied,
                "by none of the keys");
  sign(key);
  EXPECT_OK(trust->Check(image, limits_, client.get()));

  // What openssl says of the same bytes.
  ASSERT_OK_AND_ASSIGN(const auto folder, TemporaryDirectory::Create("sign"));
  const Json layer = (*ParseJson(present))["layers"][1];
  const Descriptor blob{"",
                        *BlobDigest::Parse(layer["digest"].get<std::string>()),
                        layer["size"].get<uint64_t>(),
                        {}};
  const std::string encoded = layer["annotations"][std::string(kCosignSignature)];
  ASSERT_OK(WriteFile(folder.path() + "/payload", AsBytes(*client->GetBlobText(reference_, blob))));
  ASSERT_OK(WriteFile(folder.path() + "/signature", *Base64Decode(encoded)));
  ASSERT_OK(WriteFile(folder.path() + "/key.pub", AsBytes(PemOf(key))));
  SubprocessOptions openssl;
  openssl.argv = {"openssl", "dgst",       "-sha256",   "-verify",
                  "key.pub", "-signature", "signature", "payload"};
  openssl.working_directory = folder.path();
  ASSERT_OK_AND_ASSIGN(const CommandResult verdict, RunCommand(openssl));
  EXPECT_EQ(verdict.out, "Verified OK\n") << verdict.err;
}

}  // namespace
}  // namespace nacre::image
