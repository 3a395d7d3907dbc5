// OpenPGP signatures made by gpg and skopeo, in lookaside stores and registries' extensions.
#include "image-rs-cpp/signature/openpgp.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/json.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/signature/keyring.h"
#include "image-rs-cpp/signature/simple_signing.h"
#include "image-rs-cpp/signature/trust.h"
#include "image-rs-cpp/testing/gpg.h"
#include "image-rs-cpp/testing/test_registry.h"

namespace nacre::image {
namespace {

using testing::Gpg;
using testing::TestImage;
using testing::TestRegistry;
using Answer = std::optional<net::HttpResponse>;

class OpenPgpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto gpg = Gpg::Start();
    if (!gpg.ok()) GTEST_SKIP() << "needs " << gpg.status().message();
    gpg_ = *std::move(gpg);
    auto key = gpg_->NewKey("owner@example.com");
    ASSERT_TRUE(key.ok()) << key.status();
    key_ = *key;
    keyring_ = *gpg_->Export(key_);
  }
  std::unique_ptr<Gpg> gpg_;
  std::string key_;
  Bytes keyring_;
};

TEST_F(OpenPgpTest, GivesThePayload) {
  const Bytes message = *gpg_->Sign(key_, "payload");
  ASSERT_OK_AND_ASSIGN(const Bytes payload, VerifyOpenPgp(message, keyring_));
  EXPECT_EQ(AsText(payload), "payload");
  ASSERT_OK_AND_ASSIGN(const Bytes dearmored, ReadKeyring(*gpg_->Export(key_, true)));
  EXPECT_EQ(dearmored, keyring_);
}

TEST_F(OpenPgpTest, AnyChangeIsSeen) {
  const Bytes good = *gpg_->Sign(key_, "payload", {"--compress-algo", "none"});
  for (size_t i = 0; i < good.size(); i += 5) {
    Bytes bad = good;
    bad[i] ^= 1;
    const auto result = VerifyOpenPgp(bad, keyring_);
    // A file name in the message is not covered by its signature; the payload always is.
    if (result.ok()) {
      EXPECT_EQ(AsText(*result), "payload") << i;
    }
  }
  Bytes cut = good;
  cut.pop_back();
  EXPECT_FALSE(VerifyOpenPgp(cut, keyring_).ok());
  EXPECT_FALSE(VerifyOpenPgp({}, keyring_).ok());
  EXPECT_FALSE(VerifyOpenPgp(AsBytes("payload"), keyring_).ok());
  EXPECT_FALSE(VerifyOpenPgp(good, {}).ok());
  EXPECT_STATUS(VerifyOpenPgp(Bytes(kMaxOpenPgpMessage + 1), keyring_), kResourceExhausted,
                "allowed are 262144");
}

TEST_F(OpenPgpTest, OnlyOneGoodSignatureByAKeyOfTheRing) {
  const std::string other = *gpg_->NewKey("other@example.com");
  EXPECT_STATUS(VerifyOpenPgp(*gpg_->Sign(other, "x"), keyring_), kUnauthenticated,
                "by none of the keys");
  EXPECT_STATUS(VerifyOpenPgp(*gpg_->Sign(key_, "x", {"-u", other}), keyring_), kUnauthenticated,
                "OpenPGP signature");
  Bytes both = keyring_;
  const Bytes second = *gpg_->Export(other);
  both.insert(both.end(), second.begin(), second.end());
  EXPECT_OK(VerifyOpenPgp(*gpg_->Sign(other, "x"), both).status());
  EXPECT_STATUS(VerifyOpenPgp(*gpg_->Sign(key_, "x", {"-u", other}), both), kUnauthenticated,
                "not the only one");
}

TEST_F(OpenPgpTest, OldKeysAndWeakDigestsDoNotCount) {
  const std::string old = *gpg_->NewKey("old@example.com", "20260102T000000");
  const Bytes message = *gpg_->Sign(old, "x", {"--faked-system-time", "20260101T120000!"});
  EXPECT_STATUS(VerifyOpenPgp(message, *gpg_->Export(old)), kUnauthenticated, "expired");
}

TEST_F(OpenPgpTest, DecompressionIsBounded) {
  const Bytes bomb = *gpg_->Sign(key_, std::string(1 << 20, 'a'), {"--compress-algo", "zip"});
  EXPECT_LT(bomb.size(), size_t{1} << 16);
  EXPECT_STATUS(VerifyOpenPgp(bomb, keyring_), kResourceExhausted, "OpenPGP signature");
}

TEST(Keyring, RefusesOtherArmour) {
  for (const char* bad :
       {"", "x", "-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEAA==\n",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n%%%%\n-----END PGP PUBLIC KEY BLOCK-----\n",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEAA==\n=AAAA\n"
        "-----END PGP PUBLIC KEY BLOCK-----\n",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"}) {
    EXPECT_STATUS(ReadKeyring(AsBytes(bad)), kInvalidArgument, "OpenPGP key") << bad;
  }
}

// Images signed by skopeo.
class SignedByTest : public OpenPgpTest {
 protected:
  void SetUp() override {
    OpenPgpTest::SetUp();
    if (IsSkipped()) return;
    registry_ = *TestRegistry::Start();
    image_.AddLayer(AsBytes("x"), Compression::kNone).Seal();
    registry_->Push(image_, "1");
    reference_ = *ParseImageReference(registry_->Reference("1"));
    auto signature = gpg_->SignManifest(key_, image_.blobs.at(image_.manifest_digest),
                                        registry_->Reference("1"));
    ASSERT_TRUE(signature.ok()) << signature.status();
    signature_ = *signature;
  }

  absl::Status Check(const Json& identity = nullptr, bool lookaside = true) {
    Json requirement = {
        {"type", "signedBy"}, {"keyType", "GPGKeys"}, {"keyData", Base64Encode(keyring_)}};
    if (!identity.is_null()) requirement["signedIdentity"] = identity;
    const Json policy = {{"default", Json::array({requirement})}};
    Lookaside store;
    if (lookaside) {
      ASSIGN_OR_RETURN(store, Lookaside::Parse(StrCat("[default-docker]\nlookaside = \"http://",
                                                      registry_->host(), "/sigs\"\n")));
    }
    ASSIGN_OR_RETURN(auto trust, TrustPolicy::Create(policy.dump(), Documents(nullptr), store));
    RegistryOptions options;
    options.insecure_registries = {registry_->host()};
    options.sleep = [](uint32_t) {};
    const Limits limits;
    ASSIGN_OR_RETURN(auto client, RegistryClient::Create(options, limits));
    return trust->Check({reference_, {image_.manifest_digest}}, limits, client.get());
  }

  // Signature files, from the first on.
  void PutLookaside(std::vector<Bytes> files) {
    registry_->SetHook([=, this](const net::HttpServerRequest& request) -> Answer {
      if (!request.path.starts_with("/sigs/")) return std::nullopt;
      std::string digest = image_.manifest_digest;
      digest[6] = '=';
      for (size_t i = 0; i < files.size(); ++i) {
        if (request.path == StrCat("/sigs/demo/app@", digest, "/signature-", i + 1)) {
          return net::MakeResponse(200, "application/octet-stream", ToString(files[i]));
        }
      }
      return net::MakeResponse(404, "text/plain", "");
    });
  }

  std::unique_ptr<TestRegistry> registry_;
  TestImage image_;
  ImageReference reference_;
  Bytes signature_;
};

TEST_F(SignedByTest, FromALookasideStore) {
  PutLookaside({});
  EXPECT_STATUS(Check(), kPermissionDenied, "it has no OpenPGP signature");
  PutLookaside({signature_});
  EXPECT_OK(Check());
  PutLookaside({ToBytes("garbage"), signature_});
  EXPECT_OK(Check());
  EXPECT_STATUS(Check(nullptr, false), kPermissionDenied, "it has no OpenPGP signature");
}

TEST_F(SignedByTest, FromTheRegistrysExtension) {
  const Json list = {{"signatures",
                      {{{"schemaVersion", 2},
                        {"name", "x@y"},
                        {"type", "atomic"},
                        {"content", Base64Encode(signature_)}}}}};
  bool supported = true;
  registry_->SetHook([&](const net::HttpServerRequest& request) -> Answer {
    if (request.path == "/v2/") {
      net::HttpResponse response = net::MakeResponse(200, "application/json", "{}");
      if (supported) response.headers.emplace_back("X-Registry-Supports-Signatures", "1");
      return response;
    }
    if (request.path == StrCat("/extensions/v2/demo/app/signatures/", image_.manifest_digest)) {
      return net::MakeResponse(200, "application/json", list.dump());
    }
    return std::nullopt;
  });
  EXPECT_OK(Check(nullptr, false));
  supported = false;
  EXPECT_STATUS(Check(nullptr, false), kPermissionDenied, "it has no OpenPGP signature");
}

TEST_F(SignedByTest, TheNameMustFit) {
  PutLookaside({signature_});
  EXPECT_OK(Check({{"type", "matchExact"}}));
  EXPECT_STATUS(Check({{"type", "exactReference"}, {"dockerReference", "q.io/team/app:1"}}),
                kPermissionDenied, "it is a signature for");
  reference_.tag = "2";
  EXPECT_STATUS(Check(), kPermissionDenied, "it is a signature for");
  EXPECT_OK(Check({{"type", "matchRepository"}}));
  reference_.digest = image_.manifest_digest;
  EXPECT_OK(Check());
}

TEST_F(SignedByTest, AnotherImagesSignatureDoesNotCount) {
  PutLookaside({*gpg_->SignManifest(key_, "{\"schemaVersion\":2}", registry_->Reference("1"))});
  EXPECT_STATUS(Check(), kPermissionDenied, "it is a signature of sha256:");
}

TEST_F(SignedByTest, CosignsPayloadDoesNotCount) {
  const std::string payload = *FormatSimpleSigning(
      {std::string(kCosignType), image_.manifest_digest, registry_->Reference("1")});
  PutLookaside({*gpg_->Sign(key_, payload)});
  EXPECT_STATUS(Check(), kPermissionDenied, "expected 'atomic container signature'");
}

}  // namespace
}  // namespace nacre::image
