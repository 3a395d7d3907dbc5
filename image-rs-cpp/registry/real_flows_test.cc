// Debian's docker-registry with https, passwords and tokens: images put there and read back, signed
// and checked. The signature is checked once more by the openssl program.
#include <gtest/gtest.h>

#include <ctime>

#include "base/encoding.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "crypto/jws.h"
#include "crypto/random.h"
#include "crypto/x509_make.h"
#include "image-rs-cpp/registry/resolve.h"
#include "image-rs-cpp/signature/cosign.h"
#include "image-rs-cpp/signature/sign.h"
#include "image-rs-cpp/signature/trust.h"
#include "image-rs-cpp/testing/real_registry.h"
#include "image-rs-cpp/testing/test_image.h"
#include "image-rs-cpp/testing/test_sigstore.h"
#include "net/http_server.h"

namespace nacre::image {
namespace {

using testing::NewKey;
using testing::PemOf;
using testing::RealRegistry;
using testing::RealRegistryOptions;
using testing::TestImage;

// "pass"
constexpr const char* kHtpasswd =
    "user:$2b$05$abcdefghijklmnopqrstuuZFBUbfXoM8LFiPx8LYlO/sXZB/Cwk3K\n";

crypto::Certificate Root(const crypto::PrivateKey& key) {
  crypto::CertificateRequest request;
  request.subject = {{"CN", "root"}};
  request.not_before = std::time(nullptr) - 60;
  request.not_after = request.not_before + 3600;
  request.is_ca = true;
  return *crypto::MakeCertificate(request, key.public_key(), nullptr, key,
                                  crypto::SignatureScheme::kEcdsaSha256);
}

crypto::Certificate ServerCertificate(const crypto::PrivateKey& key,
                                      const crypto::Certificate& root,
                                      const crypto::PrivateKey& root_key) {
  crypto::CertificateRequest request;
  request.subject = {{"CN", "registry"}};
  request.not_before = root.not_before();
  request.not_after = root.not_after();
  request.server_auth = true;
  request.ip_addresses = {"127.0.0.1"};
  return *crypto::MakeCertificate(request, key.public_key(), &root, root_key,
                                  crypto::SignatureScheme::kEcdsaSha256);
}

std::string PrivatePem(const crypto::PrivateKey& key) { return ToString(key.ToPem()->view()); }

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
  const auto root_key = NewKey(), key = NewKey();
  const auto root = Root(root_key);
  Start({.tls_certificate_pem = ServerCertificate(key, root, root_key).ToPem(),
         .tls_private_key_pem = PrivatePem(key),
         .htpasswd = kHtpasswd});
  EXPECT_STATUS(Push(), kUnauthenticated, "") << "an unknown root";
  options_.extra_ca_pem = root.ToPem();
  EXPECT_STATUS(Push(), kUnauthenticated, "'Basic' credentials");
  SetLogin("user:wrong");
  EXPECT_STATUS(Push(), kUnauthenticated, "answers 401");
  SetLogin("user:pass");
  ExpectBothWays();
}

// Tokens as the distribution project's token authentication has them.
class TokenServer {
 public:
  TokenServer() : key_(NewKey()), certificate_(Root(key_)) {
    auto server = net::HttpServer::Start({}, [this](const net::HttpServerRequest& request) {
      return net::MakeResponse(200, "application/json",
                               StrCat("{\"token\": \"", Token(request), "\", \"expires_in\": 60}"));
    });
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  std::string url() const { return server_->url() + "/token"; }
  std::string host() const { return StrCat("127.0.0.1:", server_->port()); }
  std::string root() const { return certificate_.ToPem(); }
  std::string wanted = "Basic " + Base64Encode(AsBytes("user:pass"));

 private:
  std::string Token(const net::HttpServerRequest& request) {
    const auto query = *net::ParseQuery(request.query);
    Json access = Json::array();
    for (const auto& [name, value] : query) {
      if (name != "scope" || request.Header("Authorization") != wanted) continue;
      const auto parts = StrSplit(value, ':');
      Json actions = Json::array();
      for (std::string_view action : StrSplit(parts.at(2), ',')) actions.push_back(action);
      access.push_back({{"type", parts.at(0)}, {"name", parts.at(1)}, {"actions", actions}});
    }
    const int64_t now = std::time(nullptr);
    const Json claims = {{"iss", testing::kTokenIssuer},
                         {"sub", "user"},
                         {"aud", testing::kTokenService},
                         {"iat", now},
                         {"nbf", now - 5},
                         {"exp", now + 60},
                         {"jti", HexEncode(crypto::RandomBytes(8))},
                         {"access", access}};
    const Json header = {{"typ", "JWT"}, {"x5c", {Base64Encode(certificate_.der())}}};
    return *crypto::JwsSign(key_, crypto::JwsAlgorithm::kEs256, header, AsBytes(claims.dump()));
  }
  crypto::PrivateKey key_;
  crypto::Certificate certificate_;
  std::unique_ptr<net::HttpServer> server_;
};

TEST_F(RealFlowsTest, TokensFromAServerOfItsOwn) {
  TokenServer tokens;
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
