#include "image-rs-cpp/registry/registry_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "image-rs-cpp/testing/test_registry.h"

namespace nacre::image {
namespace {

using ::testing::HasSubstr;
using testing::TestImage;
using testing::TestRegistry;

class RegistryClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    registry_ = Start();
    image_.AddLayer(AsBytes("layer"), Compression::kNone).Seal();
    registry_->Push(image_, "1");
    reference_ = *ParseImageReference(registry_->Reference("1"));
    insecure_ = {registry_->host()};
  }

  static std::unique_ptr<TestRegistry> Start() {
    auto registry = TestRegistry::Start();
    EXPECT_TRUE(registry.ok()) << registry.status();
    return *std::move(registry);
  }

  std::unique_ptr<RegistryClient> Client() {
    RegistryOptions options;
    options.insecure_registries = insecure_;
    options.sleep = [](uint32_t) {};
    auto client = RegistryClient::Create(options, limits_);
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  absl::StatusOr<RegistryDocument> Manifest(const std::string& target = "1") {
    return Client()->GetManifest(reference_, target);
  }
  absl::StatusOr<std::string> Layer() {
    ASSIGN_OR_RETURN(auto manifest, ParseManifest(image_.manifest.dump(), limits_));
    return Client()->GetBlobText(reference_, manifest.layers[0]);
  }

  // Answers requests whose path holds `part`.
  void Hook(const std::string& part, net::HttpResponse answer) {
    registry_->SetHook(
        [=](const net::HttpServerRequest& request) -> std::optional<net::HttpResponse> {
          if (request.path.find(part) == std::string::npos) return std::nullopt;
          return answer;
        });
  }

  static net::HttpResponse Redirect(const std::string& to) {
    net::HttpResponse response = net::MakeResponse(307, "text/plain", "elsewhere");
    response.headers.emplace_back("Location", to);
    return response;
  }

  Limits limits_;
  std::unique_ptr<TestRegistry> registry_;
  TestImage image_;
  ImageReference reference_;
  std::vector<std::string> insecure_;
};

TEST_F(RegistryClientTest, GetsManifestsByTagAndDigest) {
  auto by_tag = Manifest();
  ASSERT_TRUE(by_tag.ok()) << by_tag.status();
  EXPECT_EQ(by_tag->digest.text(), image_.manifest_digest);
  EXPECT_EQ(by_tag->content_type, kOciManifest);
  auto by_digest = Manifest(image_.manifest_digest);
  ASSERT_TRUE(by_digest.ok());
  EXPECT_EQ(by_digest->text, by_tag->text);
}

TEST_F(RegistryClientTest, GetsBlobs) {
  auto layer = Layer();
  ASSERT_TRUE(layer.ok()) << layer.status();
  EXPECT_EQ(*layer, "layer");
}

TEST_F(RegistryClientTest, ChecksDigests) {
  Hook("/manifests/", net::MakeResponse(200, kOciManifest, "{}"));
  EXPECT_TRUE(absl::IsDataLoss(Manifest(image_.manifest_digest).status()));
  EXPECT_TRUE(Manifest().ok());  // a tag can be anything; its digest is what it is
  Hook("/blobs/", net::MakeResponse(200, "x", "lAyer"));
  EXPECT_TRUE(absl::IsDataLoss(Layer().status()));
  Hook("/blobs/", net::MakeResponse(200, "x", "laye"));
  EXPECT_TRUE(absl::IsDataLoss(Layer().status()));
  Hook("/blobs/", net::MakeResponse(200, "x", "layer and more"));
  EXPECT_TRUE(absl::IsDataLoss(Layer().status()));
}

TEST_F(RegistryClientTest, BoundsManifests) {
  const std::string text = image_.manifest.dump();
  limits_.max_manifest_size = text.size();
  EXPECT_TRUE(Manifest().ok());
  limits_.max_manifest_size = text.size() - 1;
  EXPECT_TRUE(absl::IsResourceExhausted(Manifest().status()));
}

TEST_F(RegistryClientTest, NamesWhatTheRegistryRefused) {
  absl::Status status = Manifest("missing").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("demo/app:missing"));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("404"));
  for (auto [code, expected] : {std::pair{403, absl::StatusCode::kPermissionDenied},
                                {429, absl::StatusCode::kUnavailable},
                                {500, absl::StatusCode::kUnavailable},
                                {418, absl::StatusCode::kInternal},
                                {206, absl::StatusCode::kInternal}}) {
    Hook("/manifests/", net::MakeResponse(code, "text/plain", "no\x1b[2J"));
    status = Manifest().status();
    EXPECT_EQ(status.code(), expected) << code << status;
    EXPECT_EQ(std::string(Message(status)).find('\x1b'), std::string::npos);
  }
}

TEST_F(RegistryClientTest, SpeaksPlainHttpOnlyToThoseListed) {
  insecure_ = {"127.0.0.1:1"};
  absl::Status status = Manifest().status();
  EXPECT_FALSE(status.ok());  // https to a plain server
  EXPECT_TRUE(registry_->requests().empty());
}

TEST_F(RegistryClientTest, NamesADeadRegistry) {
  const std::string host = registry_->host();
  registry_.reset();
  absl::Status status = Manifest().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(Message(status)), HasSubstr(host));
}

TEST_F(RegistryClientTest, FollowsRedirects) {
  auto store = Start();
  for (const auto& [digest, content] : image_.blobs) store->PutBlob(digest, content);
  const std::string digest = image_.manifest["layers"][0]["digest"];
  Hook("/blobs/", Redirect(StrCat("http://", store->host(), "/store/", digest)));
  // Not to a plain host that is not listed.
  EXPECT_TRUE(absl::IsPermissionDenied(Layer().status()));
  EXPECT_TRUE(store->requests().empty());
  insecure_.push_back(store->host());
  EXPECT_EQ(*Layer(), "layer");
}

TEST_F(RegistryClientTest, RefusesEndlessAndEmptyRedirects) {
  Hook("/blobs/", Redirect("/v2/demo/app/blobs/again"));
  EXPECT_TRUE(absl::IsResourceExhausted(Layer().status()));
  EXPECT_EQ(registry_->requests().size(), 6u);
  Hook("/blobs/", net::MakeResponse(302, "x", ""));
  EXPECT_TRUE(absl::IsInvalidArgument(Layer().status()));
  Hook("/blobs/", Redirect("file:///etc/passwd"));
  EXPECT_FALSE(Layer().ok());
}

// A registry that hands a token to anybody, as public ones do.
class TokenTest : public RegistryClientTest {
 protected:
  void SetUp() override {
    RegistryClientTest::SetUp();
    registry_->SetHook(
        [this](const net::HttpServerRequest& request) -> std::optional<net::HttpResponse> {
          if (request.path == "/token") {
            ++tokens_;
            return net::MakeResponse(200, "application/json",
                                     StrCat(R"({"token":"T)", tokens_.load(), R"("})"));
          }
          if (request.Header("Authorization") == StrCat("Bearer T", wanted_.load()))
            return redirect_;
          net::HttpResponse response = net::MakeResponse(401, "application/json", "{}");
          response.headers.emplace_back(
              "WWW-Authenticate",
              StrCat(R"(Bearer realm="http://)", registry_->host(),
                     R"(/token",service="s p",scope="repository:demo/app:pull")"));
          return response;
        });
  }
  std::atomic<int> tokens_ = 0;
  std::atomic<int> wanted_ = 1;
  std::optional<net::HttpResponse> redirect_;
};

TEST_F(TokenTest, GetsATokenOnceAndUsesItAgain) {
  auto client = Client();
  ASSERT_TRUE(client->GetManifest(reference_, "1").ok());
  ASSERT_TRUE(client->GetManifest(reference_, "1").ok());
  EXPECT_EQ(tokens_, 1);
  EXPECT_EQ(registry_->CountRequests("/token?scope=repository%3Ademo%2Fapp%3Apull&service=s%20p"),
            1u);
}

TEST_F(TokenTest, GetsAnotherWhenItExpires) {
  auto client = Client();
  ASSERT_TRUE(client->GetManifest(reference_, "1").ok());
  wanted_ = 2;
  ASSERT_TRUE(client->GetManifest(reference_, "1").ok());
  EXPECT_EQ(tokens_, 2);
}

TEST_F(TokenTest, GivesUpWhenTheTokenIsNotTaken) {
  wanted_ = 99;
  EXPECT_TRUE(absl::IsUnauthenticated(Manifest().status()));
  EXPECT_EQ(tokens_, 1);
}

TEST_F(TokenTest, LeavesTheTokenBehindOnRedirects) {
  auto store = Start();
  std::string seen = "nothing";
  store->SetHook([&](const net::HttpServerRequest& request) -> std::optional<net::HttpResponse> {
    seen = request.Header("Authorization");
    return net::MakeResponse(200, "x", "layer");
  });
  insecure_.push_back(store->host());
  redirect_ = Redirect(StrCat("http://", store->host(), "/store/x"));
  EXPECT_EQ(*Layer(), "layer");
  EXPECT_EQ(seen, "");
}

TEST_F(RegistryClientTest, HasNoPassword) {
  net::HttpResponse response = net::MakeResponse(401, "text/plain", "");
  response.headers.emplace_back("WWW-Authenticate", R"(Basic realm="x")");
  Hook("/manifests/", response);
  absl::Status status = Manifest().status();
  EXPECT_TRUE(absl::IsUnauthenticated(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("'Basic' credentials"));
}

}  // namespace
}  // namespace nacre::image
