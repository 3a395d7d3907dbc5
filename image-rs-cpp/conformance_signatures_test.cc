// Images that other people's tools have signed, in a real registry: OpenPGP by gpg and skopeo with
// a lookaside store, cosign's form by the openssl program. The whole pull decides, as in a guest.
#include <gmock/gmock.h>

#include "base/json.h"
#include "crypto/digest.h"
#include "image-rs-cpp/signature/cosign.h"
#include "image-rs-cpp/testing/conformance.h"
#include "image-rs-cpp/testing/gpg.h"
#include "image-rs-cpp/testing/tar_builder.h"

namespace nacre::image {
namespace {

using testing::ConformanceTest;
using testing::Gpg;
using testing::RunTool;
using testing::TarBuilder;
using testing::TestImage;

TestImage Saying(const std::string& text) {
  TestImage image;
  image.AddLayer(TarBuilder().File("says", text).Finish());
  return image.Seal();
}

class GpgSignedTest : public ConformanceTest {
 protected:
  void SetUp() override {
    ConformanceTest::SetUp();
    if (IsSkipped()) return;
    auto gpg = Gpg::Start();
    if (!gpg.ok()) GTEST_SKIP() << "needs " << gpg.status().message();
    gpg_ = *std::move(gpg);
    Open({"plain"});
    store_ = *net::HttpServer::Start({}, [this](const net::HttpServerRequest& request) {
      auto file = ReadTextFile(folder_->path() + "/signatures" + request.path, 1 << 20);
      return file.ok() ? net::MakeResponse(200, "application/octet-stream", *file)
                       : net::MakeResponse(404, "text/plain", "");
    });
    options_.insecure_registries.push_back(StrCat("127.0.0.1:", store_->port()));
    ASSERT_OK(MakeDirectories(folder_->path() + "/registries.d"));
    ASSERT_OK(WriteFile(folder_->path() + "/registries.d/default.yaml",
                        AsBytes(StrCat("default-docker:\n  sigstore-staging: file://",
                                       folder_->path(), "/signatures\n"))));
  }
  // Puts an image there; signed by skopeo when there is a signer.
  void Put(const std::string& tag, const std::string& signer) {
    ASSERT_OK(PushImage(Saying(tag), "unsigned-" + tag));
    std::vector<std::string> options = {"--src-tls-verify=false"};
    if (!signer.empty()) {
      options.insert(options.end(), {StrCat("--registries.d=", folder_->path(), "/registries.d"),
                                     "--sign-by", signer});
    }
    ASSERT_OK(SkopeoPush("docker://" + Name("unsigned-" + tag), Name(tag), options,
                         {"GNUPGHOME=" + gpg_->home()}));
  }
  std::shared_ptr<const TrustPolicy> SignedBy(const std::string& key, const Json& identity = {}) {
    Json requirement = {{"type", "signedBy"},
                        {"keyType", "GPGKeys"},
                        {"keyData", Base64Encode(*gpg_->Export(key))}};
    if (!identity.is_null()) requirement["signedIdentity"] = identity;
    auto trust = TrustPolicy::Create(
        Json{{"default", Json::array({requirement})}}.dump(), Documents(nullptr),
        *Lookaside::Parse(StrCat("[default-docker]\nlookaside = \"", store_->url(), "\"\n")));
    EXPECT_TRUE(trust.ok()) << trust.status();
    return *trust;
  }

  std::unique_ptr<Gpg> gpg_;
  std::unique_ptr<net::HttpServer> store_;
};

TEST_F(GpgSignedTest, ByItsOwnerAndByNobodyElse) {
  ASSERT_OK_AND_ASSIGN(const std::string owner, gpg_->NewKey("owner@example.com"));
  ASSERT_OK_AND_ASSIGN(const std::string stranger, gpg_->NewKey("stranger@example.com"));
  ASSERT_NO_FATAL_FAILURE(Put("good", owner));
  ASSERT_NO_FATAL_FAILURE(Put("foreign", stranger));
  ASSERT_NO_FATAL_FAILURE(Put("bare", ""));
  const auto trust = SignedBy(owner);
  EXPECT_EQ(FileOf(Pull(Name("good"), trust), "says"), "good");
  EXPECT_STATUS(Pull(Name("foreign"), trust), kPermissionDenied, "by none of the keys");
  EXPECT_STATUS(Pull(Name("bare"), trust), kPermissionDenied, "it has no OpenPGP signature");
  EXPECT_EQ(FileOf(Pull(Name("foreign"), SignedBy(stranger)), "says"), "foreign");
  // The same image under another name is not what was signed, unless the repository is enough.
  EXPECT_STATUS(Pull(Name("unsigned-good"), trust), kPermissionDenied, "it is a signature for");
  EXPECT_EQ(
      FileOf(Pull(Name("unsigned-good"), SignedBy(owner, {{"type", "matchRepository"}})), "says"),
      "good");
}

class CosignedTest : public ConformanceTest {
 protected:
  void SetUp() override {
    ConformanceTest::SetUp();
    if (!IsSkipped()) Open({"plain"});
  }
  absl::Status OpenSsl(std::vector<std::string> argv) {
    argv.insert(argv.begin(), "openssl");
    return RunTool(std::move(argv), folder_->path()).status();
  }
  absl::Status NewKey(const std::string& name, const std::string& algorithm,
                      const std::string& option) {
    RETURN_IF_ERROR(
        OpenSsl({"genpkey", "-algorithm", algorithm, "-pkeyopt", option, "-out", name + ".key"}));
    return OpenSsl({"pkey", "-in", name + ".key", "-pubout", "-out", name + ".pub"});
  }
  std::string File(const std::string& name) {
    return ReadTextFile(folder_->path() + "/" + name, 1 << 20).value_or("");
  }
  // What cosign would put beside the image, made by hand and openssl.
  absl::Status Sign(const std::string& digest, const std::string& key,
                    const std::string& after = "") {
    const std::string payload =
        StrCat(R"({"critical":{"identity":{"docker-reference":")", registry_->host(),
               R"(/team/app"},"image":{"docker-manifest-digest":")", digest,
               R"("},"type":"cosign container image signature"},"optional":null})");
    RETURN_IF_ERROR(WriteFile(folder_->path() + "/payload", AsBytes(payload)));
    RETURN_IF_ERROR(
        OpenSsl({"dgst", "-sha256", "-sign", key + ".key", "-out", "signature", "payload"}));
    const std::string stored = payload + after;
    const std::string config = "{}";
    const auto blob = [](const std::string& content, std::string_view type) {
      return Json{{"mediaType", type},
                  {"digest", crypto::OciDigest(AsBytes(content))},
                  {"size", content.size()}};
    };
    Json layer = blob(stored, kSimpleSigningMediaType);
    layer["annotations"] = {
        {std::string(kCosignSignature), Base64Encode(AsBytes(File("signature")))}};
    const Json manifest = {{"schemaVersion", 2},
                           {"mediaType", kOciManifest},
                           {"config", blob(config, "application/vnd.oci.image.config.v1+json")},
                           {"layers", Json::array({layer})}};
    return Client()->Push(*ParseImageReference(Name()), {stored, config}, manifest.dump(),
                          CosignTag(digest));
  }
  std::shared_ptr<const TrustPolicy> SignedBy(const std::string& key) {
    const Json policy = {
        {"default", Json::array({{{"type", "sigstoreSigned"}, {"keyData", File(key + ".pub")}}})}};
    auto trust = TrustPolicy::Create(policy.dump(), Documents(nullptr));
    EXPECT_TRUE(trust.ok()) << trust.status();
    return *trust;
  }
};

TEST_F(CosignedTest, ByOpensslWithEveryKindOfKey) {
  const char* kinds[][3] = {{"p256", "EC", "ec_paramgen_curve:P-256"},
                            {"p384", "EC", "ec_paramgen_curve:P-384"},
                            {"p521", "EC", "ec_paramgen_curve:P-521"},
                            {"rsa2048", "RSA", "rsa_keygen_bits:2048"},
                            {"rsa3072", "RSA", "rsa_keygen_bits:3072"}};
  for (const auto& [name, algorithm, option] : kinds) {
    SCOPED_TRACE(name);
    const TestImage image = Saying(name);
    ASSERT_OK(NewKey(name, algorithm, option));
    ASSERT_OK(PushImage(image, name));
    EXPECT_STATUS(Pull(Name(name), SignedBy(name)), kPermissionDenied,
                  "it has no Sigstore signature");
    ASSERT_OK(Sign(image.manifest_digest, name));
    EXPECT_EQ(FileOf(Pull(Name(name), SignedBy(name)), "says"), name);
  }
  EXPECT_STATUS(Pull(Name("rsa2048"), SignedBy("p256")), kPermissionDenied, "by none of the keys");
  // One byte behind the payload that was signed.
  ASSERT_OK(Sign(Saying("p256").manifest_digest, "p256", " "));
  EXPECT_STATUS(Pull(Name("p256"), SignedBy("p256")), kPermissionDenied, "by none of the keys");
}

}  // namespace
}  // namespace nacre::image
