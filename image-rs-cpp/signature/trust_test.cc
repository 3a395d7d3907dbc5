// The policy end to end: images and their signatures in a registry, pulled by the puller.
#include "image-rs-cpp/signature/trust.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "image-rs-cpp/image_puller.h"
#include "image-rs-cpp/signature/bundle.h"
#include "image-rs-cpp/signature/cosign.h"
#include "image-rs-cpp/signature/sign.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/testing/test_registry.h"
#include "image-rs-cpp/testing/test_sigstore.h"

namespace nacre::image {
namespace {

using testing::TestImage;
using testing::TestRegistry;

class TrustTest : public ::testing::Test {
 protected:
  TrustTest()
      : folder_(*TemporaryDirectory::Create("trust")),
        registry_(*TestRegistry::Start()),
        key_(testing::NewKey()) {
    image_.AddLayer(testing::TarBuilder().File("a", "b").Finish()).Seal();
    registry_->Push(image_, "1");
  }

  void Push(const SignatureArtifact& artifact) {
    for (const std::string& blob : artifact.blobs) {
      registry_->PutBlob(crypto::OciDigest(AsBytes(blob)), blob);
    }
    registry_->PutManifest(artifact.tag, artifact.manifest, std::string(kOciManifest));
  }
  void Sign(const std::string& digest) {
    auto made = SignImage(digest, registry_->host() + "/demo/app", key_);
    ASSERT_TRUE(made.ok()) << made.status();
    Push(*made);
  }

  // {"type": "sigstoreSigned"} by our key for this registry; all else is rejected.
  Json Policy() {
    return {
        {"default", Json::array({{{"type", "reject"}}})},
        {"transports",
         {{"docker",
           {{registry_->host(),
             Json::array({{{"type", "sigstoreSigned"}, {"keyData", testing::PemOf(key_)}}})}}}}}};
  }

  absl::StatusOr<PulledImage> Pull(std::shared_ptr<const TrustPolicy> trust) {
    puller_.reset();
    ImagePullerOptions options;
    options.store.keep = keep_;
    options.work_dir = folder_.path() + "/image";
    options.registry.insecure_registries = {registry_->host()};
    options.trust = std::move(trust);
    options.limits.retry_delay_ms = 1;
    ASSIGN_OR_RETURN(puller_, ImagePuller::Create(std::move(options)));
    return puller_->Pull(registry_->Reference("1"));
  }
  absl::Status PullWith(const Json& policy) {
    ASSIGN_OR_RETURN(auto trust, TrustPolicy::Create(policy.dump(), Documents(nullptr)));
    return Pull(trust).status();
  }

  TemporaryDirectory folder_;
  std::unique_ptr<TestRegistry> registry_;
  crypto::PrivateKey key_;
  TestImage image_;
  std::unique_ptr<ImagePuller> puller_;
  bool keep_ = false;
};

TEST_F(TrustTest, NoPolicyNoImage) {
  EXPECT_STATUS(Pull(nullptr).status(), kPermissionDenied, "no image policy is configured");
  EXPECT_EQ(registry_->CountRequests("/blobs/"), 0u);
}

TEST_F(TrustTest, AcceptAnythingAndReject) {
  EXPECT_OK(Pull(TrustPolicy::AcceptAnything()).status());
  EXPECT_STATUS(PullWith({{"default", Json::array({{{"type", "reject"}}})}}), kPermissionDenied,
                "image policy, scope 'default', requirement 0: it is rejected");
  EXPECT_STATUS(PullWith({{"default", Json::array()}}), kPermissionDenied,
                "an empty list lets nothing through");
}

TEST_F(TrustTest, ASignedImageRuns) {
  EXPECT_STATUS(PullWith(Policy()), kPermissionDenied, "it has no Sigstore signature");
  Sign(image_.manifest_digest);
  EXPECT_OK(PullWith(Policy()));
}

TEST_F(TrustTest, AStrangersSignatureDoesNot) {
  auto made = SignImage(image_.manifest_digest, registry_->host() + "/demo/app", testing::NewKey());
  Push(*made);
  EXPECT_STATUS(PullWith(Policy()), kPermissionDenied, "by none of the keys of the policy");
}

TEST_F(TrustTest, ASignatureMovedFromAnotherImageDoesNot) {
  auto made = SignImage("sha256:" + std::string(64, '0'), registry_->host() + "/demo/app", key_);
  made->tag = CosignTag(image_.manifest_digest);
  Push(*made);
  EXPECT_STATUS(PullWith(Policy()), kPermissionDenied, "it is a signature of sha256:0000");
}

TEST_F(TrustTest, CachedLayersAreNoExcuse) {
  auto accepts = TrustPolicy::AcceptAnything();
  ASSERT_TRUE(Pull(accepts).ok());
  // The same puller and store, another reference to the same image.
  Json policy = {{"default", Json::array({{{"type", "insecureAcceptAnything"}}})}};
  policy["transports"]["docker"][registry_->host() + "/demo/app:2"] =
      Json::array({{{"type", "reject"}}});
  registry_->Push(image_, "2");
  ASSERT_OK(PullWith(policy));
  EXPECT_OK(puller_->Pull(registry_->Reference("1")).status());
  EXPECT_STATUS(puller_->Pull(registry_->Reference("2")).status(), kPermissionDenied,
                "it is rejected");
}

TEST_F(TrustTest, ASignatureIsAskedForOnEveryStart) {
  Sign(image_.manifest_digest);
  ASSERT_OK(PullWith(Policy()));
  const size_t layer = registry_->CountRequests(image_.manifest["layers"][0]["digest"]);
  EXPECT_OK(puller_->Pull(registry_->Reference("1")).status());
  // The owner withdraws it: the second container does not start, though its layers are here.
  auto other =
      SignImage(image_.manifest_digest, registry_->host() + "/demo/app", testing::NewKey());
  ASSERT_OK(other.status());
  Push(*other);
  EXPECT_STATUS(puller_->Pull(registry_->Reference("1")).status(), kPermissionDenied,
                "by none of the keys of the policy");
  EXPECT_EQ(registry_->CountRequests(image_.manifest["layers"][0]["digest"]), layer);
}

TEST_F(TrustTest, ANewPolicyCountsForLayersOfAnEarlierRun) {
  keep_ = true;
  ASSERT_OK(Pull(TrustPolicy::AcceptAnything()).status());
  const size_t layer = registry_->CountRequests(image_.manifest["layers"][0]["digest"]);
  EXPECT_STATUS(PullWith({{"default", Json::array({{{"type", "reject"}}})}}), kPermissionDenied,
                "it is rejected");
  EXPECT_STATUS(PullWith(Policy()), kPermissionDenied, "it has no Sigstore signature");
  EXPECT_STATUS(Pull(nullptr).status(), kPermissionDenied, "no image policy is configured");
  Sign(image_.manifest_digest);
  EXPECT_OK(PullWith(Policy()));
  EXPECT_EQ(registry_->CountRequests(image_.manifest["layers"][0]["digest"]), layer);
}

TEST_F(TrustTest, TheIndexMayBeSignedInstead) {
  const Json entry = {{"mediaType", kOciManifest},
                      {"digest", image_.manifest_digest},
                      {"size", image_.blobs.at(image_.manifest_digest).size()},
                      {"platform", {{"os", "linux"}, {"architecture", "amd64"}}}};
  const std::string index =
      Json{{"schemaVersion", 2}, {"mediaType", kOciIndex}, {"manifests", Json::array({entry})}}
          .dump();
  registry_->PutManifest("1", index, std::string(kOciIndex));
  EXPECT_FALSE(PullWith(Policy()).ok());
  Sign(crypto::OciDigest(AsBytes(index)));
  EXPECT_OK(PullWith(Policy()));
}

TEST_F(TrustTest, EveryRequirementMustHold) {
  Sign(image_.manifest_digest);
  Json policy = Policy();
  Json& list = policy["transports"]["docker"][registry_->host()];
  list.push_back({{"type", "insecureAcceptAnything"}});
  EXPECT_OK(PullWith(policy));
  list.push_back({{"type", "sigstoreSigned"}, {"keyData", testing::PemOf(testing::NewKey())}});
  EXPECT_STATUS(PullWith(policy), kPermissionDenied, "requirement 2: no acceptable");
}

TEST_F(TrustTest, ABundleAmongTheReferrers) {
  testing::BundleParts parts;
  parts.payload = testing::SignStatement(image_.manifest_digest);
  parts.signature =
      *SignPayload(key_, DssePreAuthEncoding(kStatementPayload, AsBytes(parts.payload)));
  const std::string bundle = testing::BundleOf(parts).dump();
  constexpr const char* kType = "application/vnd.dev.sigstore.bundle.v0.3+json";
  const auto descriptor = [](const std::string& blob, std::string_view type) {
    return Json{
        {"mediaType", type}, {"digest", crypto::OciDigest(AsBytes(blob))}, {"size", blob.size()}};
  };
  registry_->PutBlob(crypto::OciDigest(AsBytes(bundle)), bundle);
  const std::string artifact =
      Json{{"schemaVersion", 2},
           {"mediaType", kOciManifest},
           {"artifactType", kType},
           {"config", descriptor("{}", "application/vnd.oci.empty.v1+json")},
           {"layers", Json::array({descriptor(bundle, kType)})}}
          .dump();
  registry_->PutManifest("bundle", artifact, std::string(kOciManifest));
  Json referrer = descriptor(artifact, kOciManifest);
  referrer["artifactType"] = kType;
  std::string tag = image_.manifest_digest;
  tag[6] = '-';
  registry_->PutManifest(
      tag,
      Json{{"schemaVersion", 2}, {"mediaType", kOciIndex}, {"manifests", Json::array({referrer})}}
          .dump(),
      std::string(kOciIndex));
  EXPECT_OK(PullWith(Policy()));
  Json strict = Policy();
  strict["transports"]["docker"][registry_->host()][0]["signedIdentity"] = {
      {"type", "matchRepository"}};
  EXPECT_STATUS(PullWith(strict), kPermissionDenied, "it names no repository");
}

TEST_F(TrustTest, GarbageBesideAGoodSignatureIsPassedOver) {
  auto made = SignImage(image_.manifest_digest, registry_->host() + "/demo/app", key_);
  Json manifest = *ParseJson(made->manifest);
  Json& layers = manifest["layers"];
  Json garbage = layers[0];
  garbage["annotations"] = {{"dev.cosignproject.cosign/signature", "%%%"}};
  layers.insert(layers.begin(), garbage);
  made->manifest = manifest.dump();
  Push(*made);
  EXPECT_OK(PullWith(Policy()));
  layers.erase(1);
  made->manifest = manifest.dump();
  Push(*made);
  EXPECT_STATUS(PullWith(Policy()), kPermissionDenied, ".sig layer 0: signature");
}

TEST_F(TrustTest, SignaturesThatCannotBeLookedUpRefuseTheImage) {
  Sign(image_.manifest_digest);
  registry_->SetHook([](const auto& request) -> std::optional<net::HttpResponse> {
    if (request.path.find(".sig") == std::string::npos) return std::nullopt;
    return net::MakeResponse(503, "text/plain", "later");
  });
  EXPECT_STATUS(PullWith(Policy()), kUnavailable, "signatures cannot be looked up");
}

}  // namespace
}  // namespace nacre::image
